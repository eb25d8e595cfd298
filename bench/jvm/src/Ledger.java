import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * The memory that no allocator could do without, while it runs: what the JVM has touched of its own
 * mappings (heap, metaspace, code, stacks), the bytes of malloc that are live, and mapped files.
 *
 * <p>For a run of its own, on glibc's malloc with one arena, which grows by brk alone: whatever is
 * anonymous and lies outside of that is not malloc's. Without thread caches, its bytes in use are
 * the live ones. Native memory tracking says what the JVM has committed; it makes blocks larger:
 * those bytes are taken off.
 */
final class Ledger {
    /** NMT's header and footer, and glibc's header. */
    private static final int NMT_BYTES = 18;
    private static final Pattern OWN =
            Pattern.compile("\\((?:mmap|stack): reserved=(\\d+)B?, committed=(\\d+)");
    private static final Pattern TRACKED = Pattern.compile("\\(malloc=(\\d+)B?[^#)]*#(\\d+)");
    private static final Pattern FILES = Pattern.compile("Rss(?:File|Shmem):\\s+(\\d+) kB");

    private Ledger() {
    }

    /** Bytes in use of glibc's malloc. */
    static native long usedBytes();

    /** Returns when the first line has been said. */
    static void start() throws InterruptedException {
        System.loadLibrary("ledger");
        Beat.start("ledger", Ledger::say);
    }

    private static void say() throws IOException, JMException {
        String summary = (String) ManagementFactory.getPlatformMBeanServer().invoke(
                new ObjectName("com.sun.management:type=DiagnosticCommand"), "vmNativeMemory",
                new Object[] {new String[] {"summary", "scale=b"}},
                new String[] {String[].class.getName()});
        String status = Files.readString(Path.of("/proc/self/status"));
        long blocks = sum(TRACKED, 2, summary);
        Marks.say("memory",
                "committed_bytes", sum(OWN, 2, summary),
                "touched_bytes", anonymousOutsideOfBreak(),
                "live_bytes", usedBytes() - blocks * NMT_BYTES,
                "tracked_bytes", sum(TRACKED, 1, summary),
                "file_bytes", sum(FILES, 1, status) << 10);
    }

    /** Of one reading: between two, the break would have grown. */
    private static long anonymousOutsideOfBreak() throws IOException {
        long kilobytes = 0;
        boolean isBreak = false;
        for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
            // A mapping begins with its address, what follows with a capital letter.
            if (!Character.isUpperCase(line.charAt(0))) {
                isBreak = line.endsWith("[heap]");
            } else if (!isBreak && line.startsWith("Anonymous:")) {
                kilobytes += Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        return kilobytes << 10;
    }

    private static long sum(Pattern pattern, int group, String text) {
        Matcher found = pattern.matcher(text);
        long sum = 0;
        while (found.find()) {
            sum += Long.parseLong(found.group(group));
        }
        return sum;
    }
}
