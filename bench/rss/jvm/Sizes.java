import java.util.SplittableRandom;

/** Sizes of blocks as servers have them: uniform in their logarithm, so that small ones are many. */
final class Sizes {
    private static final int COUNT = 4096; // a power of two: an index is masked

    private final int[] sizes = new int[COUNT];

    Sizes(int least, int most) {
        double ratio = (double) most / least;
        for (int i = 0; i < COUNT; i++) {
            sizes[i] = (int) Math.round(least * Math.pow(ratio, i / (COUNT - 1.0)));
        }
    }

    int next(SplittableRandom random) {
        return sizes[random.nextInt() & (COUNT - 1)];
    }
}
