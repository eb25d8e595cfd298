import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.http.HttpResponse;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.entity.ContentType;
import org.apache.http.impl.nio.client.CloseableHttpAsyncClient;
import org.apache.http.impl.nio.client.HttpAsyncClients;
import org.apache.http.nio.entity.NByteArrayEntity;
import org.apache.http.util.EntityUtils;

/**
 * A REST client as search engines have it, Apache's HttpAsyncClient, with large bodies: an operation
 * posts a bulk of documents and takes an answer of the same size. The JDK keeps a direct buffer for
 * each thread that reads or writes, as large as the largest body that it saw.
 */
final class RestClient implements Workload {
    private static final int LIMIT_SECONDS = 60;
    private static final int BACKLOG = 1024;

    private final Text text = new Text(8 << 20);
    private final Sizes lengths = new Sizes(16 << 10, 2 << 20);
    private HttpServer server;
    private ExecutorService workers;
    private CloseableHttpAsyncClient client;
    private String address;

    @Override
    public void open(Settings settings) throws IOException {
        int connections = settings.number("connections", 32);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
        workers = Executors.newFixedThreadPool(connections);
        server.setExecutor(workers);
        server.createContext("/bulk", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        address = "http://" + server.getAddress().getAddress().getHostAddress() + ":"
                + server.getAddress().getPort() + "/bulk";
        client = HttpAsyncClients.custom().setMaxConnTotal(connections)
                .setMaxConnPerRoute(connections).build();
        client.start();
    }

    @Override
    public void operate(SplittableRandom random) throws Exception {
        int length = lengths.next(random);
        int from = text.from(random, length);
        byte[] body = Arrays.copyOfRange(text.bytes(), from, from + length);
        HttpPost post = new HttpPost(address);
        post.setEntity(new NByteArrayEntity(body, ContentType.APPLICATION_OCTET_STREAM));
        Future<HttpResponse> answer = client.execute(post, null);
        byte[] got = EntityUtils.toByteArray(answer.get(LIMIT_SECONDS, TimeUnit.SECONDS).getEntity());
        if (!Arrays.equals(body, got)) {
            throw new IllegalStateException("got " + got.length + " other bytes than " + length);
        }
    }

    @Override
    public void release() throws IOException {
        client.close();
    }

    @Override
    public void close() {
        server.stop(0);
        workers.shutdownNow();
    }
}
