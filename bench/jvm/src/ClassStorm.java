import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Classes loaded and unloaded, as servers do that deploy again, and scripts: an operation loads a
 * few hundred classes by a loader of its own, uses each, and leaves the loader where an older one
 * stood, which is dropped.
 */
final class ClassStorm implements Workload {
    private static final int KEPT = 8;

    private final AtomicReferenceArray<ClassLoader> kept = new AtomicReferenceArray<>(KEPT);
    private Map<String, byte[]> classes;
    private int count;

    @Override
    public void open(Settings settings) throws Exception {
        count = settings.number("classes", 200);
        StringBuilder source = new StringBuilder();
        for (int i = 0; i < count; i++) {
            source.append(String.format("class C%d implements java.util.function.IntSupplier {%n"
                    + "  private final String text = \"a constant of class %d\";%n"
                    + "  private int field%d = %d;%n"
                    + "  public int getAsInt() { return text.length() + other%d(field%d); }%n"
                    + "  private int other%d(int n) { return java.util.List.of(n, %d).indexOf(n); }%n"
                    + "}%n", i, i, i, i, i, i, i, i + 1));
        }
        classes = MemoryCompiler.compile("C0", source.toString());
    }

    @Override
    public void operate(SplittableRandom random) throws ReflectiveOperationException {
        ClassLoader loader = new MemoryCompiler.Loader(classes);
        for (int i = 0; i < count; i++) {
            var constructor = loader.loadClass("C" + i).getDeclaredConstructor();
            constructor.setAccessible(true);
            int got = ((java.util.function.IntSupplier) constructor.newInstance()).getAsInt();
            if (got < "a constant of class ".length()) {
                throw new IllegalStateException("a class computed " + got);
            }
        }
        kept.set(random.nextInt(KEPT), loader);
    }

    @Override
    public void release() {
        for (int i = 0; i < KEPT; i++) {
            kept.set(i, null);
        }
    }
}
