package io.pyrpc.client;

import io.pyrpc.StageInfo;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.stage.StageNames;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the nodes say of their stages; kept for a while. Thread-safe. */
final class Stages {
    /** A node may be replaced by one that hosts other stages; what it told is asked again after this. */
    private static final double KEPT_S = 5.0;

    private static final Duration ASK = Duration.ofSeconds(5);

    private final Asker asker;
    // Under the lock of this object.
    private Map<String, StageInfo> known = Map.of();
    private double askedAtS = Double.NEGATIVE_INFINITY;

    /** Asks one of the nodes. */
    interface Asker {
        List<StageInfo> ask(Deadline deadline);
    }

    Stages(Asker asker) {
        this.asker = asker;
    }

    /** All stages, asked now. */
    List<StageInfo> ask(Deadline deadline) {
        List<StageInfo> stages = asker.ask(deadline);
        Map<String, StageInfo> byName = new LinkedHashMap<>();
        stages.forEach(stage -> byName.put(stage.name(), stage));
        synchronized (this) {
            known = byName;
            askedAtS = Clock.nowS();
        }
        return stages;
    }

    /**
     * What the nodes say of a stage; asked again when it was long ago, or the name is not known.
     *
     * @throws io.pyrpc.errors.UnknownMethodException there is none of that name
     */
    StageInfo of(String name, Deadline deadline) {
        StageInfo info = fresh(name);
        if (info != null) {
            return info;
        }
        List<StageInfo> stages = ask(deadline);
        for (StageInfo stage : stages) {
            if (stage.name().equals(name)) {
                return stage;
            }
        }
        throw StageNames.unknown(name, stages.stream().map(StageInfo::name).toList());
    }

    private synchronized StageInfo fresh(String name) {
        return Clock.nowS() - askedAtS < KEPT_S ? known.get(name) : null;
    }

    /** Whether a call that may have run may be sent again; only what is declared so. */
    boolean isIdempotent(String name) {
        try {
            return Boolean.TRUE.equals(of(name, Deadline.after(ASK)).idempotent());
        } catch (PyrpcException error) {
            return false;
        }
    }
}
