package io.pyrpc.bench;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;

/** What a driver can be asked; the names and answers are those of the Python driver. Times are in seconds. */
final class Tasks {
    private final Caller caller;
    private int elements;

    Tasks(Caller caller) {
        this.caller = caller;
    }

    Object run(JsonObject request) throws Exception {
        String task = request.get("do").getAsString();
        return switch (task) {
            case "load" -> load(request.get("elements").getAsInt());
            case "check" -> check(caller::echo, 1);
            case "check_map" -> check(caller::map, 2);
            case "echo_array" -> echoes(request.get("calls").getAsInt(), request.get("untimed").getAsInt());
            case "echo_once" -> echoOnce();
            case "echo_small" -> echoSmall(request.get("calls").getAsInt());
            case "map_array" -> timed(caller::map);
            default -> throw new IllegalArgumentException("no such task: " + task);
        };
    }

    private interface Work {
        void run() throws Exception;
    }

    private Object load(int wanted) throws Exception {
        elements = wanted;
        caller.load(wanted);
        // Rest: what was only needed to make the input is no part of what a call takes.
        System.gc();
        return null;
    }

    private boolean check(Work work, float factor) throws Exception {
        work.run();
        boolean isEqual = Numbers.are(caller.came(), elements, factor);
        caller.drop();
        return isEqual;
    }

    private List<Double> echoes(int calls, int untimed) throws Exception {
        for (int i = 0; i < untimed; i++) {
            timed(caller::echo);
        }
        List<Double> times = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            times.add(timed(caller::echo));
        }
        return times;
    }

    private double timed(Work work) throws Exception {
        long start = System.nanoTime();
        work.run();
        double took = (System.nanoTime() - start) / 1e9;
        caller.drop();
        return took;
    }

    /** One echo and nothing else, for the memory it takes; the bytes that came back. */
    private int echoOnce() throws Exception {
        caller.echo();
        int size = caller.came().remaining();
        caller.drop();
        return size;
    }

    private double echoSmall(int calls) throws Exception {
        long start = System.nanoTime();
        for (int i = 0; i < calls; i++) {
            caller.echo();
            caller.drop();
        }
        return (System.nanoTime() - start) / 1e9 / calls;
    }
}
