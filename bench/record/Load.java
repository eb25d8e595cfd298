import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import javax.tools.ToolProvider;

/**
 * The loads whose native allocations are recorded: "javac" compiles generated
 * classes, "gzip" packs and unpacks streams, "direct" uses direct buffers.
 */
public class Load {
    private static final int THREADS = 8;

    private interface Task {
        void run(Random random) throws IOException;
    }

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
        case "javac":
            compile(500);
            break;
        case "gzip":
            onThreads(random -> packAndUnpack(random, 3000));
            break;
        case "direct":
            onThreads(random -> useDirectBuffers(random, 10000));
            break;
        default:
            throw new IllegalArgumentException(args[0]);
        }
    }

    private static void onThreads(Task task) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            Random random = new Random(i);
            Thread thread = new Thread(() -> {
                try {
                    task.run(random);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads)
            thread.join();
    }

    private static void compile(int nclasses) throws IOException {
        Path dir = Files.createTempDirectory("load");
        List<String> command = new ArrayList<>(List.of("-d", dir.resolve("out").toString()));
        for (int i = 0; i < nclasses; i++) {
            Path file = dir.resolve("C" + i + ".java");
            Files.writeString(file, source(i));
            command.add(file.toString());
        }
        int failed = ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, command.toArray(new String[0]));
        try (var files = Files.walk(dir)) {
            files.sorted((a, b) -> b.compareTo(a)).forEach(f -> f.toFile().delete());
        }
        if (failed != 0)
            throw new IllegalStateException("javac failed");
    }

    private static String source(int i) {
        StringBuilder s = new StringBuilder("import java.util.*;\nclass C" + i + " {\n");
        for (int m = 0; m < 20; m++)
            s.append("  Map<String, List<Integer>> m" + m + "(int x) {\n"
                + "    Map<String, List<Integer>> map = new TreeMap<>();\n"
                + "    for (int j = 0; j < x; j++)\n"
                + "      map.computeIfAbsent(\"k\" + j % " + (m + 2)
                + ", k -> new ArrayList<>()).add(j * " + i + ");\n"
                + "    return map;\n  }\n");
        return s.append("}\n").toString();
    }

    private static void packAndUnpack(Random random, int nstreams) throws IOException {
        for (int i = 0; i < nstreams; i++) {
            byte[] text = new byte[1024 << random.nextInt(4)];
            for (int j = 0; j < text.length; j++)
                text[j] = (byte) ('a' + random.nextInt(8));
            ByteArrayOutputStream packed = new ByteArrayOutputStream();
            try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
                out.write(text);
            }
            try (InputStream in = new GZIPInputStream(
                     new ByteArrayInputStream(packed.toByteArray()))) {
                if (in.readAllBytes().length != text.length)
                    throw new IllegalStateException("gzip lost bytes");
            }
        }
    }

    private static void useDirectBuffers(Random random, int nbuffers) {
        ByteBuffer[] live = new ByteBuffer[16];
        for (int i = 0; i < nbuffers; i++) {
            int bytes = (int) (1024 * Math.pow(256, random.nextDouble()));
            ByteBuffer buffer = ByteBuffer.allocateDirect(bytes);
            buffer.put(0, (byte) i);
            live[random.nextInt(live.length)] = buffer;
        }
    }
}
