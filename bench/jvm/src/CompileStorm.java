import groovy.lang.GroovyShell;
import java.io.IOException;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * New code all the time: generated classes are compiled by javac in the process (language=java), or
 * scripts by Groovy (language=groovy), loaded, and run until the JVM's compilers find them hot.
 */
final class CompileStorm implements Workload {
    private static final int METHODS = 12;

    private boolean isGroovy;
    private int calls;

    @Override
    public void open(Settings settings) {
        isGroovy = settings.text("language", "java").equals("groovy");
        calls = settings.number("calls", 3000);
    }

    @Override
    public void operate(SplittableRandom random) throws Exception {
        long seed = random.nextLong(1 << 30);
        long got = isGroovy ? script(seed) : compiled(seed);
        if (got != wanted(seed)) {
            throw new IllegalStateException("generated code computed " + got);
        }
    }

    /** What generated code computes, by code that is compiled once. */
    private long wanted(long seed) {
        long sum = 0;
        for (int call = 0; call < calls; call++) {
            for (int method = 0; method < METHODS; method++) {
                sum += (call ^ (seed + method)) % (method + 7);
            }
        }
        return sum;
    }

    private long compiled(long seed) throws IOException, ReflectiveOperationException {
        Map<String, byte[]> classes = MemoryCompiler.compile("Generated", source(seed));
        Class<?> loaded = new MemoryCompiler.Loader(classes).loadClass("Generated");
        Method run = loaded.getMethod("run");
        return (long) run.invoke(null);
    }

    private String source(long seed) {
        StringBuilder out = new StringBuilder("public final class Generated {\n");
        StringBuilder body = new StringBuilder();
        for (int i = 0; i < METHODS; i++) {
            out.append(String.format("  static long part%d(long call) { return (call ^ %dL) %% %d; }%n",
                    i, seed + i, i + 7));
            body.append(String.format("      sum += part%d(call);%n", i));
        }
        return out.append("  public static long run() {\n    long sum = 0;\n")
                .append("    for (long call = 0; call < ").append(calls).append("; call++) {\n")
                .append(body).append("    }\n    return sum;\n  }\n}\n").toString();
    }

    private long script(long seed) {
        StringBuilder out = new StringBuilder("long sum = 0\n");
        StringBuilder parts = new StringBuilder();
        for (int i = 0; i < METHODS; i++) {
            parts.append(String.format("def part%d = { long call -> (call ^ %dL) %% %d }%n",
                    i, seed + i, i + 7));
        }
        out.insert(0, parts);
        out.append("for (long call = 0; call < ").append(calls).append("; call++) {\n");
        for (int i = 0; i < METHODS; i++) {
            out.append("  sum += part").append(i).append("(call)\n");
        }
        return ((Number) new GroovyShell().evaluate(out.append("}\nreturn sum\n").toString())).longValue();
    }

    @Override
    public void release() {
        // Classes were dropped by their operations.
    }
}
