import com.corundumstudio.socketio.Configuration;
import com.corundumstudio.socketio.SocketIOServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Websocket pushes by netty-socketio: clients sit in rooms; an operation pushes a message to all of
 * a room and waits until each of them has it. What the slow ones have not read is in the server's
 * buffers.
 */
final class SocketPushes implements Workload {
    private static final int LIMIT_SECONDS = 60;
    private static final String EVENT = "push";

    private final Text text = new Text(4 << 20);
    private final Sizes lengths = new Sizes(256, 48 << 10);
    private final ConcurrentHashMap<String, CountDownLatch> expected = new ConcurrentHashMap<>();
    private final AtomicLong pushes = new AtomicLong();
    private final List<WebSocket> clients = new ArrayList<>();
    private ExecutorService workers;
    private SocketIOServer server;
    private int rooms;
    private int roomSize;

    /** A client that says what the protocol wants said, and counts messages down. */
    private final class Client implements WebSocket.Listener {
        private final StringBuilder message = new StringBuilder();
        private final CountDownLatch joined;

        Client(CountDownLatch joined) {
            this.joined = joined;
        }

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean isLast) {
            message.append(data);
            if (isLast) {
                take(socket, message.toString());
                message.setLength(0);
            }
            socket.request(1);
            return null;
        }

        /** "0..." opened, "2" ping, "40..." connected, "42..." an event. */
        private void take(WebSocket socket, String packet) {
            if (packet.startsWith("0")) {
                socket.sendText("40", true);
            } else if (packet.equals("2")) {
                socket.sendText("3", true);
            } else if (packet.startsWith("40")) {
                joined.countDown();
            } else if (packet.startsWith("42")) {
                // 42["push","ID text"]
                int from = packet.indexOf(',') + 2;
                CountDownLatch latch = expected.get(packet.substring(from, packet.indexOf(' ', from)));
                if (latch != null) {
                    latch.countDown();
                }
            }
        }
    }

    @Override
    public void open(Settings settings) throws Exception {
        rooms = settings.number("rooms", 8);
        roomSize = settings.number("room_size", 25);
        Configuration wanted = new Configuration();
        wanted.setHostname(InetAddress.getLoopbackAddress().getHostAddress());
        wanted.setPort(freePort());
        wanted.setBossThreads(1);
        wanted.setWorkerThreads(4);
        server = new SocketIOServer(wanted);
        AtomicLong born = new AtomicLong();
        server.addConnectListener(client -> client.joinRoom("room" + born.getAndIncrement() % rooms));
        server.start();
        workers = Executors.newFixedThreadPool(4);
        HttpClient http = HttpClient.newBuilder().executor(workers).build();
        URI address = URI.create("ws://" + wanted.getHostname() + ":" + wanted.getPort()
                + "/socket.io/?EIO=4&transport=websocket");
        CountDownLatch joined = new CountDownLatch(rooms * roomSize);
        for (int i = 0; i < rooms * roomSize; i++) {
            clients.add(http.newWebSocketBuilder().buildAsync(address, new Client(joined))
                    .get(LIMIT_SECONDS, TimeUnit.SECONDS));
        }
        if (!joined.await(LIMIT_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException(joined.getCount() + " clients were not let in");
        }
        for (int i = 0; i < rooms; i++) {
            int size = server.getRoomOperations("room" + i).getClients().size();
            if (size != roomSize) {
                throw new IllegalStateException("room " + i + " has " + size + " clients");
            }
        }
    }

    private static int freePort() throws Exception {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            return socket.getLocalPort();
        }
    }

    @Override
    public void operate(SplittableRandom random) throws InterruptedException {
        String id = Long.toString(pushes.getAndIncrement());
        CountDownLatch latch = new CountDownLatch(roomSize);
        expected.put(id, latch);
        server.getRoomOperations("room" + random.nextInt(rooms))
                .sendEvent(EVENT, id + " " + text.slice(random, lengths.next(random)));
        if (!latch.await(LIMIT_SECONDS, TimeUnit.SECONDS)) {
            throw new IllegalStateException(latch.getCount() + " of a room have not got a push");
        }
        expected.remove(id);
    }

    @Override
    public void release() {
        clients.forEach(WebSocket::abort);
        clients.clear();
        server.stop();
    }

    @Override
    public void close() {
        workers.shutdownNow();
    }
}
