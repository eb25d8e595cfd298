import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.SplittableRandom;
import javax.net.SocketFactory;

/**
 * A burst of connections to a server on loopback: all are opened, a body is sent on each, then all
 * answers are read, and all are closed. Its bodies are alive at the same time.
 */
final class Burst {
    private static final int TIMEOUT_MILLIS = 60_000;
    private static final String OK = "HTTP/1.1 200";

    private final Text text = new Text(4 << 20);
    private final Sizes lengths = new Sizes(512, 128 << 10);
    private final SocketFactory factory;
    private final InetSocketAddress address;
    private final boolean isHttp;
    private final int connections;

    /** Over HTTP, the answer is packed by gzip and ends with the connection; else it is the body. */
    Burst(SocketFactory factory, InetSocketAddress address, boolean isHttp, int connections) {
        this.factory = factory;
        this.address = address;
        this.isHttp = isHttp;
        this.connections = connections;
    }

    void run(SplittableRandom random) throws IOException {
        Socket[] sockets = new Socket[connections];
        int[] sizes = new int[connections];
        try {
            for (int i = 0; i < connections; i++) {
                sockets[i] = factory.createSocket();
                sockets[i].setSoTimeout(TIMEOUT_MILLIS);
                sockets[i].connect(address, TIMEOUT_MILLIS);
            }
            for (int i = 0; i < connections; i++) {
                sizes[i] = lengths.next(random);
                send(sockets[i], sizes[i], random);
            }
            for (int i = 0; i < connections; i++) {
                receive(sockets[i], sizes[i]);
            }
        } finally {
            for (Socket socket : sockets) {
                if (socket != null) {
                    socket.close();
                }
            }
        }
    }

    private void send(Socket socket, int size, SplittableRandom random) throws IOException {
        if (isHttp) {
            String head = "POST /echo HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n"
                    + "connection: close\r\ncontent-length: " + size + "\r\n\r\n";
            socket.getOutputStream().write(head.getBytes(US_ASCII));
        }
        socket.getOutputStream().write(text.bytes(), text.from(random, size), size);
    }

    private void receive(Socket socket, int size) throws IOException {
        InputStream in = socket.getInputStream();
        byte[] buffer = new byte[16 << 10];
        byte[] head = in.readNBytes(OK.length());
        int got = head.length;
        while (isHttp || got < size) {
            int n = in.read(buffer);
            if (n < 0) {
                break;
            }
            got += n;
        }
        if (isHttp ? !new String(head, US_ASCII).equals(OK) : got != size) {
            throw new IllegalStateException("got " + got + " of " + size + " bytes, first "
                    + new String(head, US_ASCII));
        }
    }
}
