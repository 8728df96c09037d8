package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.errors.FailureClass;
import io.pyrpc.plan.Action;
import io.pyrpc.plan.Chunk;
import io.pyrpc.plan.DivisibleWork;
import io.pyrpc.plan.FixedWork;
import io.pyrpc.plan.JobPolicy;
import io.pyrpc.plan.RetryPolicy;
import io.pyrpc.plan.Scheduler;
import io.pyrpc.plan.SchedulerConfig;
import io.pyrpc.plan.SplitMix64;
import io.pyrpc.plan.StreamGrid;
import io.pyrpc.plan.StreamRows;
import io.pyrpc.plan.Work;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A scheduler made from the arguments of a scenario of scheduler.json, told its events. */
final class Replay {
    final Scheduler scheduler;
    private final List<String> names = new ArrayList<>();

    Replay(JsonObject scenario) {
        int nodes = scenario.get("nodes").getAsInt();
        for (int place = 0; place < nodes; place++) {
            names.add("n" + place);
        }
        JsonArray retry = scenario.getAsJsonArray("retry");
        SchedulerConfig config = new SchedulerConfig(
                scenario.get("window").getAsInt(),
                scenario.get("most_window").getAsInt(),
                Map.of(),
                new RetryPolicy(
                        retry.get(0).getAsInt(), retry.get(1).getAsDouble(), retry.get(2).getAsDouble()),
                scenario.get("idempotent").getAsBoolean(),
                scenario.get("hedge").getAsBoolean(),
                scenario.get("give_up_s").getAsDouble(),
                JobPolicy.named(scenario.get("policy").getAsString()));
        SplitMix64 prng = new SplitMix64(VectorTest.unsigned(scenario.get("prng")));
        scheduler = new Scheduler(workOf(scenario.getAsJsonArray("work"), nodes), names, prng, config);
    }

    private static Work workOf(JsonArray work, int nodes) {
        return switch (work.get(0).getAsString()) {
            case "chunks" -> new FixedWork(chunksOf(work.get(1).getAsJsonArray()));
            case "rows" -> new DivisibleWork(
                    work.get(1).getAsLong(),
                    VectorTest.longOrNull(work.get(2)),
                    work.get(3).getAsDouble(),
                    nodes);
            case "stream_rows" -> new StreamRows(work.get(1).getAsDouble(), nodes);
            case "stream_grid" -> new StreamGrid(work.get(1).getAsLong(), null);
            default -> throw new AssertionError(work);
        };
    }

    private static List<Chunk> chunksOf(JsonArray sizes) {
        List<Chunk> chunks = new ArrayList<>();
        long start = 0;
        for (JsonElement size : sizes) {
            chunks.add(new Chunk(chunks.size(), start, start + size.getAsLong()));
            start += size.getAsLong();
        }
        return chunks;
    }

    /** Tells one event; the actions as the vectors have them. */
    List<List<Object>> tell(JsonArray event) {
        double nowS = event.get(1).getAsDouble();
        List<Action> actions = switch (event.get(0).getAsString()) {
            case "start" -> scheduler.start(nowS, namesOf(event.get(2).getAsJsonArray()));
            case "done" -> scheduler.done(
                    event.get(2).getAsLong(),
                    nowS,
                    event.get(3).getAsDouble(),
                    event.get(4).getAsDouble());
            case "failed" -> scheduler.failed(
                    event.get(2).getAsLong(),
                    FailureClass.valueOf(event.get(3).getAsString()),
                    nowS,
                    event.get(4).getAsBoolean(),
                    VectorTest.longOrNull(event.get(5)));
            case "up" -> scheduler.nodeUp(names.get(event.get(2).getAsInt()), nowS);
            case "down" -> scheduler.nodeDown(names.get(event.get(2).getAsInt()), nowS);
            case "more" -> scheduler.more(event.get(2).getAsLong(), event.get(3).getAsLong(), nowS);
            case "no_more" -> scheduler.noMore(nowS);
            case "timer" -> scheduler.timer(nowS);
            case "cancel" -> scheduler.cancel(nowS);
            default -> throw new AssertionError(event);
        };
        return actions.stream().map(this::plain).toList();
    }

    private List<String> namesOf(JsonArray places) {
        List<String> found = new ArrayList<>();
        places.forEach(place -> found.add(names.get(place.getAsInt())));
        return found;
    }

    private List<Object> plain(Action action) {
        if (action instanceof Action.Send send) {
            Chunk chunk = send.chunk();
            int place = names.indexOf(send.node());
            return List.of(
                    "send", send.attemptId(), chunk.index(), chunk.start(), chunk.stop(), place, send.attemptNo(),
                    send.hedge());
        }
        if (action instanceof Action.CancelAttempt cancel) {
            return List.of("cancel", cancel.attemptId(), names.indexOf(cancel.node()));
        }
        if (action instanceof Action.Probe probe) {
            return List.of("probe", names.indexOf(probe.node()));
        }
        if (action instanceof Action.WaitUntil wait) {
            return List.of("wait", wait.atS());
        }
        if (action instanceof Action.Fail fail) {
            return Arrays.asList("fail", fail.attemptId(), fail.reason().name().toLowerCase(Locale.ROOT));
        }
        return List.of("finish");
    }
}
