<?php

// Connections to a node, with limits that suit arrays.

declare(strict_types=1);

namespace Pyrpc;

use PyrpcIdl\CallOptions;
use PyrpcIdl\NodeClient;
use PyrpcIdl\Ref;
use Thrift\Protocol\TMultiplexedProtocol;
use Thrift\Protocol\TProtocol;

/**
 * Open to one node. It carries one call at a time, and after a failure of the connection no more:
 * open another one. What the node itself refuses (PyrpcIdl\RpcError) leaves it open.
 */
final class Connection
{
    /** The largest frame that a node sends. */
    public const MAX_FRAME_BYTES = 0x3FFFFFFF;

    /** What a reply may have however little memory PHP has. */
    private const STOCK_FRAME_BYTES = 16_384_000;

    /** The generic API: any stage, with values. */
    public readonly NodeClient $node;

    private function __construct(
        private readonly FramedSocket $socket,
        private readonly TProtocol $protocol,
        private readonly int $maxFrameBytes,
        private readonly ?string $token,
    ) {
        $this->node = new NodeClient($protocol);
    }

    /**
     * Connects to a node and tells it how large replies may be, and the token.
     *
     * @param float $timeoutS Of connecting, and of each wait for bytes to come or go, in seconds.
     * @param bool $compact Speak the compact protocol in place of the binary one.
     * @param int|null $maxFrameBytes The largest reply to take; by default as many as half of the memory that
     *     memory_limit leaves, and at most 1 GiB.
     * @param string|null $token For nodes that ask for one.
     * @param array<string, mixed>|null $tls For nodes that speak TLS: options of PHP's SSL contexts, such as
     *     ['cafile' => 'ca.pem']; [] trusts whom this machine does. The certificate has to be for the host. Needs the
     *     extension openssl.
     *
     * @throws \Thrift\Exception\TTransportException There is no node, or it does not answer.
     * @throws \PyrpcIdl\RpcError The node refuses the token.
     */
    public static function open(
        string $host,
        int $port,
        float $timeoutS = 30.0,
        bool $compact = false,
        ?int $maxFrameBytes = null,
        ?string $token = null,
        ?array $tls = null,
    ): self {
        if (PHP_INT_SIZE < 8 || pack('S', 1) !== "\1\0") {
            throw new \RuntimeException('PHP on this machine lacks integers of 64 bits, or little endian byte order');
        }
        $maxFrameBytes ??= self::affordable();
        if ($maxFrameBytes < 1 || $maxFrameBytes > self::MAX_FRAME_BYTES) {
            throw new \InvalidArgumentException(
                "maxFrameBytes is $maxFrameBytes, expected 1 to " . self::MAX_FRAME_BYTES
            );
        }
        if ($tls !== null && !extension_loaded('openssl')) {
            throw new \RuntimeException('tls needs the extension openssl of PHP');
        }
        $socket = new FramedSocket($host, $port, $timeoutS, $maxFrameBytes, $tls);
        $protocol = $compact ? new CompactProtocol($socket) : new BinaryProtocol($socket);
        $connection = new self($socket, $protocol, $maxFrameBytes, $token);
        $socket->open();
        try {
            // Typed calls have no options: a node takes those that the connection has shown.
            $connection->node->release(new Ref(['id' => '']), $connection->options());
        } catch (\Throwable $error) {
            $socket->close();
            throw $error;
        }
        return $connection;
    }

    /**
     * Options for a call of the generic API: the limits of the connection, and the time that is left.
     *
     * @param float|null $remainingS Seconds until nobody waits any more; null: no deadline.
     */
    public function options(?float $remainingS = null): CallOptions
    {
        return new CallOptions([
            'max_frame_bytes' => $this->maxFrameBytes,
            'token' => $this->token,
            'remaining_ms' => $remainingS === null ? null : (int) ($remainingS * 1000),
        ]);
    }

    /**
     * The client of one service: service(VisionClient::class).
     *
     * @template T of object
     * @param class-string<T> $client The class that the compiler wrote.
     * @param string|null $name Of the service; by default what the class is called, without "Client". With '' calls
     *     have no name of a service, as nodes take it that host one.
     * @return T
     */
    public function service(string $client, ?string $name = null): object
    {
        $name ??= preg_replace('/^.*\\\\|Client$/', '', $client);
        $output = $name === '' ? $this->protocol : new TMultiplexedProtocol($this->protocol, $name);
        return new $client($this->protocol, $output);
    }

    /** Ends the connection; closed ones may be closed again. */
    public function close(): void
    {
        $this->socket->close();
    }

    /** Half of what memory_limit leaves: PHP cannot catch that memory is over, so that larger replies are refused. */
    private static function affordable(): int
    {
        $limit = trim((string) ini_get('memory_limit'));
        $unit = ['k' => 1 << 10, 'm' => 1 << 20, 'g' => 1 << 30][strtolower(substr($limit, -1))] ?? 1;
        $bytes = (int) $limit * $unit;
        if ($bytes <= 0) {
            return self::MAX_FRAME_BYTES;
        }
        $half = intdiv($bytes - memory_get_usage(), 2);
        return min(self::MAX_FRAME_BYTES, max(self::STOCK_FRAME_BYTES, $half));
    }
}
