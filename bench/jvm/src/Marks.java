import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.FileInputStream;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** Lines of JSON on standard output: what happened when, and how much memory was resident. */
final class Marks {
    private static final int PAGE = 4096;

    private Marks() {
    }

    /** Says it at once; the time it happened at. Names and values come in turn. */
    static synchronized long say(String mark, Object... figures) throws IOException {
        long now = System.nanoTime();
        StringBuilder line = new StringBuilder();
        line.append("{\"mark\": ").append(quoted(mark)).append(", \"t_ns\": ").append(now)
                .append(", \"rss_bytes\": ").append(residentBytes());
        for (int i = 0; i < figures.length; i += 2) {
            line.append(", ").append(quoted((String) figures[i])).append(": ")
                    .append(value(figures[i + 1]));
        }
        System.out.println(line.append('}'));
        System.out.flush();
        return now;
    }

    static Object[] pairs(Map<String, ?> figures) {
        return new LinkedHashMap<>(figures).entrySet().stream()
                .flatMap(entry -> java.util.stream.Stream.of(entry.getKey(), entry.getValue()))
                .toArray();
    }

    private static String value(Object value) {
        if (value instanceof Double number) {
            return String.format("%.4f", number);
        }
        return value instanceof Number ? value.toString() : quoted(value.toString());
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\');
            }
            out.append(c < ' ' ? ' ' : c);
        }
        return out.append('"').toString();
    }

    private static long residentBytes() throws IOException {
        try (FileInputStream file = new FileInputStream("/proc/self/statm")) {
            byte[] text = new byte[128];
            int length = file.read(text);
            return Long.parseLong(new String(text, 0, length, US_ASCII).split(" ")[1]) * PAGE;
        }
    }
}
