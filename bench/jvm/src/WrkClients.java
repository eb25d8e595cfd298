import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.HdrHistogram.Histogram;

/**
 * A server of {@link WebServer}'s, asked by wrk: a process of its own, whose memory and time are not
 * the server's. wrk runs for a time; its script ends it after a number of answers. Latency is wrk's.
 */
final class WrkClients implements Workload {
    private static final int TEXT = 4 << 20;
    private static final int BODIES = 256;
    private static final int LIMIT_SECONDS = 240;
    /** One thread of wrk's asks faster than any server packs; two would have to agree on the end. */
    private static final String SCRIPT = """
            local bodies, got, bad = {}, 0, 0
            function init(arguments)
              wanted = tonumber(arguments[1])
              for line in io.lines(arguments[2]) do
                bodies[#bodies + 1] = wrk.format("POST", "/echo", {["Accept-Encoding"] = "gzip"}, line)
              end
            end
            function request()
              at = (at or 0) % #bodies + 1
              return bodies[at]
            end
            function response(status, headers)
              got = got + 1
              if status ~= 200 or headers["Content-Encoding"] ~= "gzip" then
                bad = bad + 1
              end
              if got == wanted then
                io.stdout:write("bad ", bad, "\\n")
                io.stdout:flush()
                wrk.thread:stop()
              end
            end
            function done(summary, latency)
              io.stdout:write("requests ", summary.requests, "\\n")
              for i = 1, #latency do
                local micros, count = latency(i)
                io.stdout:write("latency ", micros, " ", count, "\\n")
              end
            end
            """;

    private final WebServer server = new WebServer();
    private Path script;
    private Path bodies;
    private int connections;

    @Override
    public void open(Settings settings) throws Exception {
        connections = settings.number("connections", 64);
        server.open(settings);
        script = Files.writeString(settings.folder().resolve("wrk.lua"), SCRIPT);
        Text text = new Text(TEXT);
        Sizes lengths = new Sizes(512, 128 << 10);
        SplittableRandom random = new SplittableRandom(1);
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < BODIES; i++) {
            lines.append(text.slice(random, lengths.next(random)).replace('\n', ' ')).append('\n');
        }
        bodies = Files.writeString(settings.folder().resolve("bodies"), lines);
    }

    @Override
    public void operate(SplittableRandom random) {
        throw new IllegalStateException("wrk asks for more than one answer");
    }

    @Override
    public long operate(int count, SplittableRandom random, Histogram latency, BooleanSupplier isOver)
            throws IOException, InterruptedException {
        ProcessBuilder wrk = new ProcessBuilder("wrk", "-t1", "-c" + connections,
                "-d" + LIMIT_SECONDS + "s", "--timeout", "60s", "-s", script.toString(),
                "http://" + InetAddress.getLoopbackAddress().getHostAddress() + ":" + server.port(),
                "--", Integer.toString(count), bodies.toString());
        wrk.environment().remove("LD_PRELOAD");
        Process process = wrk.redirectErrorStream(true).start();
        long requests = 0;
        StringBuilder said = new StringBuilder();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] words = line.split(" ");
                switch (words[0]) {
                    case "bad" -> {
                        said.append(line).append("; ");
                        interruptUntilItEnds(process);
                    }
                    case "requests" -> requests = Long.parseLong(words[1]);
                    case "latency" -> latency.recordValueWithCount(
                            Long.parseLong(words[1]) * 1000, Long.parseLong(words[2]));
                    default -> said.append(line).append("; ");
                }
            }
        }
        process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
        if (requests < count || !said.toString().contains("bad 0;")) {
            throw new IllegalStateException("wrk had " + requests + " of " + count + ": " + said);
        }
        return requests;
    }

    /**
     * wrk's main thread sleeps for its whole time, whatever its script says, but for an interrupt; one
     * that comes before it sleeps is lost.
     */
    private static void interruptUntilItEnds(Process process) {
        Thread thread = new Thread(() -> {
            try {
                do {
                    new ProcessBuilder("/bin/sh", "-c", "kill -s INT " + process.pid())
                            .redirectErrorStream(true).start().waitFor();
                } while (!process.waitFor(20, TimeUnit.MILLISECONDS));
            } catch (IOException | InterruptedException e) {
                process.destroy();
            }
        }, "interrupter");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void release() {
        // Connections ended with wrk; the server stays.
    }

    @Override
    public void close() throws Exception {
        server.close();
    }
}
