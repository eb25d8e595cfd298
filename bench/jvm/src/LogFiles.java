import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.SplittableRandom;
import java.util.zip.GZIPOutputStream;

/**
 * Logs: an operation renders a batch of lines in a direct buffer, appends it to a file, and now and
 * then rotates: the full file is packed by gzip and the oldest are removed. What was written stays
 * in the page cache, which in a limited cgroup competes with the process itself.
 */
final class LogFiles implements Workload {
    private static final int FILES = 8; // a power of two
    private static final int KEPT = 3;

    private final Text text = new Text(4 << 20);
    private final Sizes lengths = new Sizes(4 << 10, 512 << 10);
    private final Log[] logs = new Log[FILES];

    /** One file that grows, and packed ones behind it. */
    private static final class Log {
        private final Path folder;
        private final int mostBytes;
        private FileChannel file;
        private int rotations;

        Log(Path folder, int mostBytes) throws IOException {
            this.folder = Files.createDirectories(folder);
            this.mostBytes = mostBytes;
            file = begin();
        }

        private FileChannel begin() throws IOException {
            return FileChannel.open(folder.resolve("log"), StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
        }

        private Path packed(int number) {
            return folder.resolve("log." + number + ".gz");
        }

        synchronized void append(ByteBuffer lines) throws IOException {
            while (lines.hasRemaining()) {
                file.write(lines);
            }
            if (file.size() >= mostBytes) {
                rotate();
            }
        }

        private void rotate() throws IOException {
            file.close();
            try (InputStream in = Files.newInputStream(folder.resolve("log"));
                    OutputStream out = new GZIPOutputStream(
                            Files.newOutputStream(packed(rotations)), 64 << 10)) {
                in.transferTo(out);
            }
            Files.deleteIfExists(packed(rotations - KEPT));
            rotations++;
            file = begin();
        }
    }

    @Override
    public void open(Settings settings) throws IOException {
        int mostBytes = settings.number("file_mb", 8) << 20;
        for (int i = 0; i < FILES; i++) {
            logs[i] = new Log(settings.folder().resolve("logs" + i), mostBytes);
        }
    }

    @Override
    public void operate(SplittableRandom random) throws IOException {
        int length = lengths.next(random);
        ByteBuffer lines = ByteBuffer.allocateDirect(length);
        try {
            lines.put(text.bytes(), text.from(random, length), length).flip();
            logs[random.nextInt(FILES)].append(lines);
        } finally {
            Native.UNSAFE.invokeCleaner(lines);
        }
    }

    @Override
    public void release() throws IOException {
        for (Log log : logs) {
            log.file.close();
        }
    }
}
