import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** javac, from text to bytes of classes, without a file. */
final class MemoryCompiler {
    private MemoryCompiler() {
    }

    /** Loads what was compiled, and all else by the loader of this program. */
    static final class Loader extends ClassLoader {
        private final Map<String, byte[]> classes;

        Loader(Map<String, byte[]> classes) {
            super(MemoryCompiler.class.getClassLoader());
            this.classes = classes;
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            byte[] bytes = classes.get(name);
            if (bytes == null) {
                throw new ClassNotFoundException(name);
            }
            return defineClass(name, bytes, 0, bytes.length);
        }
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String name, String text) {
            super(URI.create("string:///" + name + ".java"), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoresErrors) {
            return text;
        }
    }

    private static final class Output extends SimpleJavaFileObject {
        private final String name;
        private final Map<String, byte[]> classes;

        Output(String name, Map<String, byte[]> classes) {
            super(URI.create("bytes:///" + name + ".class"), Kind.CLASS);
            this.name = name;
            this.classes = classes;
        }

        @Override
        public OutputStream openOutputStream() {
            return new ByteArrayOutputStream() {
                @Override
                public void close() {
                    classes.put(name, toByteArray());
                }
            };
        }
    }

    /** The classes of one source by their names. */
    static Map<String, byte[]> compile(String name, String text) throws IOException {
        Map<String, byte[]> classes = new ConcurrentHashMap<>();
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        StringWriter words = new StringWriter();
        try (JavaFileManager files = new ForwardingJavaFileManager<JavaFileManager>(
                javac.getStandardFileManager(null, null, null)) {
            @Override
            public JavaFileObject getJavaFileForOutput(Location location, String className,
                    JavaFileObject.Kind kind, FileObject sibling) {
                return new Output(className, classes);
            }
        }) {
            List<String> options = List.of("-proc:none", "-nowarn", "-classpath", "");
            if (!javac.getTask(words, files, null, options, null, List.of(new Source(name, text))).call()) {
                throw new IllegalStateException(words.toString());
            }
        }
        return classes;
    }
}
