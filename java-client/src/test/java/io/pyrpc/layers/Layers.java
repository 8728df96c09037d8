package io.pyrpc.layers;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The rules of the house: which room may use which, who may have sockets and threads, how long things may get.
 *
 * <p>A room is a package below io.pyrpc, or io.pyrpc itself: "front", what users import. Front has values too, such as
 * arrays, that all rooms but plan and errors use; so no circle of classes may lead through two rooms.
 */
final class Layers {
    private static final String FRONT = "front";
    private static final String HOUSE = "io.pyrpc.";
    private static final int MOST_LINES = 600;
    private static final int MOST_METHOD_LINES = 60;
    private static final int MOST_CHARACTERS = 120;

    /** Room: the rooms it may use beside itself. */
    private static final Map<String, Set<String>> ALLOWED = Map.of(
            "errors", Set.of(),
            "gen", Set.of(),
            "plan", Set.of("errors"),
            "wire", Set.of("errors", "gen", FRONT),
            "transport", Set.of("errors", "wire", FRONT),
            "stage", Set.of("errors", "wire", FRONT),
            "client", Set.of("errors", "wire", "transport", "stage", "plan", FRONT),
            FRONT, Set.of("errors", "wire", "transport", "stage", "plan", "client"),
            "testing", Set.of("errors", "wire", "transport", "stage", "plan", "client", FRONT));

    /** Names and the beginnings of names: the rooms that may use them. */
    private static final Map<String, Set<String>> OUTSIDE = Map.of(
            "java.net.", Set.of("transport", "client"),
            "java.net.Socket", Set.of("transport"),
            "java.nio.channels.", Set.of("transport"),
            "javax.net.", Set.of("transport"),
            "org.apache.thrift.", Set.of("gen", "wire", "transport"),
            "java.lang.reflect.", Set.of(),
            "sun.", Set.of());

    /** All that plan may use of others. */
    private static final List<String> PURE = List.of("java.util.", "java.math.", HOUSE);

    private static final List<String> NOT_PURE = List.of(
            "java.util.concurrent.", "java.util.Random", "java.util.random.", "java.util.SplittableRandom",
            "java.util.Timer", "java.util.UUID", "java.util.Date", "java.util.Calendar", "java.util.logging.",
            "java.util.Scanner", "java.nio.", "java.net.", "java.io.", "java.time.Clock", "Math.random",
            "System.", "Thread", "Runtime.", "Process");

    private final List<SourceFile> files;
    private final Map<String, SourceFile> byName;

    Layers(List<SourceFile> files) {
        this.files = files;
        byName = files.stream().collect(Collectors.toMap(SourceFile::className, Function.identity()));
    }

    /** Every broken rule, one line each; empty when all is well. */
    List<String> violations() {
        List<String> broken = new ArrayList<>();
        for (SourceFile file : files) {
            String room = room(file.className());
            if (!ALLOWED.containsKey(room)) {
                broken.add(file.className() + ": the room " + room + " has no line in the table");
                continue;
            }
            addArrows(file, room, broken);
            addOutside(file, room, broken);
            if (room.equals("plan")) {
                addImpure(file, broken);
            }
            if (!room.equals("gen")) {
                addLong(file, broken);
            }
        }
        addCircles(broken);
        return broken;
    }

    private static String room(String className) {
        String first = className.substring(HOUSE.length()).split("\\.", 2)[0];
        return Character.isLowerCase(first.charAt(0)) ? first : FRONT;
    }

    private static Set<String> used(SourceFile file) {
        Set<String> used = new TreeSet<>(file.imports());
        used.addAll(file.names());
        return used;
    }

    private static void addArrows(SourceFile file, String room, List<String> broken) {
        for (String name : used(file)) {
            if (name.startsWith(HOUSE)) {
                String target = room(name);
                if (!target.equals(room) && ALLOWED.containsKey(target) && !ALLOWED.get(room).contains(target)) {
                    broken.add(file.className() + " uses " + name + ": not an arrow that goes down");
                }
            }
        }
    }

    private static void addOutside(SourceFile file, String room, List<String> broken) {
        for (String name : used(file)) {
            OUTSIDE.forEach((beginning, rooms) -> {
                if (name.startsWith(beginning) && !rooms.contains(room)) {
                    broken.add(file.className() + " uses " + name + ": not for this room");
                }
            });
        }
    }

    private static void addImpure(SourceFile file, List<String> broken) {
        for (String name : used(file)) {
            boolean isForbidden = NOT_PURE.stream().anyMatch(name::startsWith) && !name.equals("System.arraycopy");
            boolean isUnknown = file.imports().contains(name) && PURE.stream().noneMatch(name::startsWith);
            if (isForbidden || isUnknown) {
                broken.add(file.className() + " uses " + name + ": plan has no clock, chance, threads or files");
            }
        }
        if (file.hasLocks()) {
            broken.add(file.className() + " is synchronized: plan has no threads");
        }
    }

    private static void addLong(SourceFile file, List<String> broken) {
        if (file.lines() > MOST_LINES) {
            broken.add(file.className() + " has " + file.lines() + " lines, more than " + MOST_LINES);
        }
        if (file.longest() > MOST_CHARACTERS) {
            broken.add(file.className() + " has a line of " + file.longest() + " characters, more than "
                    + MOST_CHARACTERS);
        }
        file.methodLines().forEach((method, lines) -> {
            if (lines > MOST_METHOD_LINES) {
                String name = file.className() + "." + method;
                broken.add(name + " has " + lines + " lines, more than " + MOST_METHOD_LINES);
            }
        });
    }

    /** A class that leads back to itself through another room. */
    private void addCircles(List<String> broken) {
        Map<String, Set<String>> arrows = new HashMap<>();
        files.forEach(file -> arrows.put(file.className(), targets(file)));
        for (SourceFile file : files) {
            String room = room(file.className());
            for (String target : arrows.get(file.className())) {
                boolean isOther = !room(target).equals(room);
                if (isOther && reached(arrows, target).contains(file.className())) {
                    broken.add(file.className() + " uses " + target + ", which leads back to it: a circle");
                }
            }
        }
    }

    /** Classes of the house that a file names, by import, in full, or as neighbours of its package. */
    private Set<String> targets(SourceFile file) {
        Set<String> targets = new TreeSet<>();
        for (String name : used(file)) {
            String neighbour = file.packageName() + "." + name;
            if (byName.containsKey(name)) {
                targets.add(name);
            } else if (byName.containsKey(neighbour)) {
                targets.add(neighbour);
            }
        }
        targets.remove(file.className());
        return targets;
    }

    private static Set<String> reached(Map<String, Set<String>> arrows, String from) {
        Set<String> reached = new HashSet<>();
        Deque<String> left = new ArrayDeque<>(List.of(from));
        while (!left.isEmpty()) {
            String next = left.remove();
            if (reached.add(next)) {
                left.addAll(arrows.get(next));
            }
        }
        return reached;
    }
}
