package io.pyrpc.layers;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.ImportTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.ModifiersTree;
import com.sun.source.tree.SynchronizedTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * What one source file says of itself, as the compiler's parser sees it.
 *
 * @param className with its package
 * @param lines how many there are
 * @param longest characters of the longest line
 * @param imports the names in its import statements
 * @param names the identifiers and qualified names that its code uses
 * @param methodLines lines of each method, by name and first line
 * @param hasLocks whether it says {@code synchronized} anywhere
 */
record SourceFile(
        String className,
        int lines,
        int longest,
        Set<String> imports,
        Set<String> names,
        Map<String, Long> methodLines,
        boolean hasLocks) {

    String packageName() {
        return className.substring(0, className.lastIndexOf('.'));
    }

    String simpleName() {
        return className.substring(className.lastIndexOf('.') + 1);
    }

    /** All source files below a folder, without compiling them. */
    static List<SourceFile> below(Path folder) throws IOException {
        List<Path> paths;
        try (Stream<Path> all = Files.walk(folder)) {
            paths = all.filter(path -> path.toString().endsWith(".java"))
                    .filter(path -> !path.endsWith("package-info.java"))
                    .sorted()
                    .toList();
        }
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<SourceFile> files = new ArrayList<>();
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, null)) {
            var sources = manager.getJavaFileObjectsFromPaths(paths);
            JavacTask task = (JavacTask) compiler.getTask(null, manager, null, null, null, sources);
            SourcePositions positions = Trees.instance(task).getSourcePositions();
            for (CompilationUnitTree unit : task.parse()) {
                files.add(of(unit, positions));
            }
        }
        return files;
    }

    private static SourceFile of(CompilationUnitTree unit, SourcePositions positions) throws IOException {
        Scan scan = new Scan(unit, positions);
        scan.scan(unit, null);
        String file = Path.of(unit.getSourceFile().toUri()).getFileName().toString();
        String className = unit.getPackageName() + "." + file.substring(0, file.length() - ".java".length());
        List<String> lines = unit.getSourceFile().getCharContent(true).toString().lines().toList();
        int longest = lines.stream().mapToInt(String::length).max().orElse(0);
        return new SourceFile(className, lines.size(), longest, scan.imports, scan.names, scan.methodLines, scan.hasLocks);
    }

    private static final class Scan extends TreeScanner<Void, Void> {
        private final CompilationUnitTree unit;
        private final SourcePositions positions;
        private final Set<String> imports = new TreeSet<>();
        private final Set<String> names = new TreeSet<>();
        private final Map<String, Long> methodLines = new TreeMap<>();
        private boolean hasLocks;

        private Scan(CompilationUnitTree unit, SourcePositions positions) {
            this.unit = unit;
            this.positions = positions;
        }

        @Override
        public Void visitImport(ImportTree node, Void unused) {
            imports.add(node.getQualifiedIdentifier().toString());
            return null;
        }

        @Override
        public Void visitPackage(com.sun.source.tree.PackageTree node, Void unused) {
            return null;
        }

        @Override
        public Void visitIdentifier(IdentifierTree node, Void unused) {
            names.add(node.getName().toString());
            return null;
        }

        @Override
        public Void visitMemberSelect(MemberSelectTree node, Void unused) {
            names.add(node.toString());
            return super.visitMemberSelect(node, null);
        }

        @Override
        public Void visitMethod(MethodTree node, Void unused) {
            long first = unit.getLineMap().getLineNumber(positions.getStartPosition(unit, node));
            long end = positions.getEndPosition(unit, node);
            // A constructor that nobody wrote has no end.
            if (end >= 0) {
                methodLines.put(node.getName() + ":" + first, unit.getLineMap().getLineNumber(end) - first + 1);
            }
            return super.visitMethod(node, null);
        }

        @Override
        public Void visitModifiers(ModifiersTree node, Void unused) {
            hasLocks |= node.getFlags().contains(Modifier.SYNCHRONIZED);
            return super.visitModifiers(node, null);
        }

        @Override
        public Void visitSynchronized(SynchronizedTree node, Void unused) {
            hasLocks = true;
            return super.visitSynchronized(node, null);
        }
    }
}
