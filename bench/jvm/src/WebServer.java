import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.SplittableRandom;
import javax.net.SocketFactory;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.gzip.GzipHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * A servlet container or an HTTP server with a large pool of threads, under bursts of requests
 * whose bodies it sends back packed by gzip: server=tomcat or jetty.
 */
final class WebServer implements Workload {
    private static final int BURST = 8;
    private static final int BACKLOG = 4096;

    private Burst burst;
    private AutoCloseable server;
    private int port;

    @Override
    public void open(Settings settings) throws Exception {
        int threads = settings.number("server_threads", 400);
        boolean isTomcat = settings.text("server", "tomcat").equals("tomcat");
        port = isTomcat ? openTomcat(settings, threads) : openJetty(threads);
        burst = new Burst(SocketFactory.getDefault(),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), port), true, BURST);
    }

    int port() {
        return port;
    }

    private int openTomcat(Settings settings, int threads) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createDirectories(settings.folder().resolve("tomcat")).toString());
        tomcat.setSilent(true);
        tomcat.setPort(0);
        var connector = tomcat.getConnector();
        connector.setProperty("address", InetAddress.getLoopbackAddress().getHostAddress());
        connector.setProperty("maxThreads", Integer.toString(threads));
        connector.setProperty("minSpareThreads", Integer.toString(threads));
        connector.setProperty("acceptCount", Integer.toString(BACKLOG));
        connector.setProperty("compression", "on");
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "echo", new Echo());
        context.addServletMappingDecoded("/echo", "echo");
        tomcat.start();
        server = () -> {
            tomcat.stop();
            tomcat.destroy();
        };
        return connector.getLocalPort();
    }

    private static final class Echo extends jakarta.servlet.http.HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void doPost(jakarta.servlet.http.HttpServletRequest request,
                jakarta.servlet.http.HttpServletResponse response) throws IOException {
            byte[] body = request.getInputStream().readAllBytes();
            response.setContentType("text/plain");
            response.getOutputStream().write(body);
        }
    }

    private int openJetty(int threads) throws Exception {
        Server jetty = new Server(new QueuedThreadPool(threads, threads));
        ServerConnector connector = new ServerConnector(jetty);
        connector.setHost(InetAddress.getLoopbackAddress().getHostAddress());
        connector.setAcceptQueueSize(BACKLOG);
        jetty.addConnector(connector);
        GzipHandler gzip = new GzipHandler();
        gzip.setIncludedMethods("POST");
        gzip.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback)
                    throws IOException {
                try (InputStream in = Content.Source.asInputStream(request)) {
                    byte[] body = in.readAllBytes();
                    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/plain");
                    response.write(true, ByteBuffer.wrap(body), callback);
                }
                return true;
            }
        });
        jetty.setHandler(gzip);
        jetty.start();
        server = jetty::stop;
        return connector.getLocalPort();
    }

    @Override
    public void operate(SplittableRandom random) throws IOException {
        burst.run(random);
    }

    @Override
    public void release() {
        // Connections are closed by the operations that opened them; the server stays.
    }

    @Override
    public void close() throws Exception {
        server.close();
    }
}
