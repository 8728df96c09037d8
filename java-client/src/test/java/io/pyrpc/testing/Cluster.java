package io.pyrpc.testing;

import io.pyrpc.PyrpcClient;
import io.pyrpc.PyrpcClientBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Some real nodes that host the same stages. */
public final class Cluster implements AutoCloseable {
    /** What the tests of the client call. */
    public static final String STAGES =
            """
            import os
            import threading
            import time

            import numpy as np
            import pyrpc


            class Maths:
                def add(self, a, b=1, *, scale=1):
                    return (a + b) * scale

                @pyrpc.stage(takes="float32[n,d]", gives="float32[n,d]", idempotent=True)
                def double(self, x):
                    return 2 * x

                def echo(self, x):
                    return x

                def scaled(self, x, weights, bias=0.0):
                    return x * weights[0] + bias

                def both(self, x):
                    return x, x.astype(np.float64)

                def total(self, x):
                    return {"sum": x.sum(axis=0, dtype=np.float64), "rows": len(x)}

                def names(self, x):
                    return np.array(["row %d" % i for i in x], dtype=np.dtypes.StringDType())

                def fail(self, x):
                    raise ValueError("no luck")

                def nothing(self, x):
                    return None

                def pid(self):
                    return os.getpid()

                @pyrpc.stage(idempotent=True)
                def quick_pid(self):
                    return os.getpid()

                def sleep(self, seconds):
                    time.sleep(seconds)
                    return os.getpid()

                def slow_rows(self, x, seconds):
                    time.sleep(seconds * len(x))
                    return x

                @pyrpc.stage(idempotent=False)
                def once(self, x, seconds):
                    time.sleep(seconds * len(x))
                    return x

                @pyrpc.stage(splittable=False)
                def whole(self, x):
                    return x
            """;

    private final List<NodeProcess> nodes;

    private Cluster(List<NodeProcess> nodes) {
        this.nodes = nodes;
    }

    /** So many nodes with the stages above; started side by side. */
    public static Cluster start(int count, String... options) {
        List<CompletableFuture<NodeProcess>> started = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            started.add(CompletableFuture.supplyAsync(() -> NodeProcess.start(STAGES, "stages:Maths", options)));
        }
        return new Cluster(started.stream().map(CompletableFuture::join).toList());
    }

    public NodeProcess node(int number) {
        return nodes.get(number);
    }

    /** With commas between. */
    public String endpoints() {
        return String.join(",", nodes.stream().map(NodeProcess::endpoint).toList());
    }

    public PyrpcClient client() {
        return PyrpcClient.connect(endpoints());
    }

    public PyrpcClientBuilder builder() {
        return PyrpcClient.builder().endpoints(endpoints());
    }

    @Override
    public void close() {
        nodes.forEach(NodeProcess::close);
    }
}
