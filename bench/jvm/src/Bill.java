import java.io.IOException;

/**
 * What trimalloc keeps, and what for, while it runs: its own bill, of one look at its books and the
 * kernel's. For a run of its own, since each look takes time that grows with what is mapped.
 */
final class Bill {
    /** All parts that there are without options; the last two are the kernel's. */
    private static final String[] PARTS = {
        "allocated", "cached", "shelved", "slab_free", "dirty", "metadata", "untouched", "resident",
    };

    private Bill() {
    }

    /** Figures of `trimalloc.stats`, of one moment. Fails where malloc is another one's. */
    private static native long[] figures(String[] names);

    /** Returns when the first line has been said. */
    static void start() throws InterruptedException {
        System.loadLibrary("bill");
        Beat.start("bill", Bill::say);
    }

    private static void say() throws IOException {
        long[] bytes = figures(PARTS);
        Object[] pairs = new Object[2 * PARTS.length];
        for (int i = 0; i < PARTS.length; i++) {
            pairs[2 * i] = PARTS[i] + "_bytes";
            pairs[2 * i + 1] = bytes[i];
        }
        Marks.say("bill", pairs);
    }
}
