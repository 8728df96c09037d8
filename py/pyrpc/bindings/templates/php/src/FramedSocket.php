<?php

// Frames over a socket: read while they arrive, so that a large array is in memory once.

declare(strict_types=1);

namespace Pyrpc;

use Thrift\Exception\TProtocolException;
use Thrift\Exception\TTransportException;
use Thrift\Transport\TTransport;

/**
 * A transport for one call at a time. Whatever goes wrong closes it: a reply that comes late must not be taken for
 * that of the next call, since the compiler's code does not compare their numbers.
 */
final class FramedSocket extends TTransport
{
    /** What is received or sent by one call of the system. */
    private const SLICE_BYTES = 1 << 20;

    /** What is smaller is copied into one piece, and received ahead. */
    private const SMALL_BYTES = 1 << 16;

    /** @var resource|null */
    private $stream = null;

    /** @var list<string> */
    private array $pieces = [];

    private string $small = '';

    private string $ahead = '';

    private int $place = 0;

    private int $left = 0;

    private bool $isAwaited = false;

    public function __construct(
        private readonly string $host,
        private readonly int $port,
        private readonly float $timeoutS,
        private readonly int $maxFrameBytes,
        /** @var array<string, mixed>|null */
        private readonly ?array $tls = null,
    ) {
        if (!($timeoutS > 0)) {
            throw new \InvalidArgumentException("timeoutS is $timeoutS, expected seconds above 0");
        }
    }

    public function isOpen(): bool
    {
        return $this->stream !== null;
    }

    public function open(): void
    {
        $this->close();
        $host = str_contains($this->host, ':') ? "[$this->host]" : $this->host;
        $context = stream_context_create(['socket' => ['tcp_nodelay' => true], 'ssl' => $this->security()]);
        $stream = @stream_socket_client(
            "tcp://$host:$this->port",
            $number,
            $reason,
            $this->timeoutS,
            STREAM_CLIENT_CONNECT,
            $context
        );
        if ($stream === false) {
            throw $this->broken("no connection: $reason", TTransportException::NOT_OPEN);
        }
        if ($this->tls !== null) {
            $this->secure($stream);
        }
        $seconds = (int) $this->timeoutS;
        stream_set_timeout($stream, $seconds, max(1, (int) (($this->timeoutS - $seconds) * 1e6)));
        stream_set_read_buffer($stream, 0);
        $this->stream = $stream;
    }

    /** @return array<string, mixed> Options of a context; nobody can take the checks away. */
    private function security(): array
    {
        $checks = ['verify_peer' => true, 'verify_peer_name' => true, 'allow_self_signed' => false];
        return $this->tls === null ? [] : ['peer_name' => $this->host, ...$this->tls, ...$checks];
    }

    /** @param resource $stream */
    private function secure($stream): void
    {
        $warnings = [];
        set_error_handler(static function (int $level, string $message) use (&$warnings): bool {
            $warnings[] = $message;
            return true;
        });
        try {
            $versions = STREAM_CRYPTO_METHOD_TLSv1_2_CLIENT | STREAM_CRYPTO_METHOD_TLSv1_3_CLIENT;
            $isSecure = stream_socket_enable_crypto($stream, true, $versions);
        } finally {
            restore_error_handler();
        }
        if ($isSecure !== true) {
            fclose($stream);
            $reason = $warnings === [] ? 'no handshake in time' : implode('; ', $warnings);
            throw $this->broken("no TLS: $reason", TTransportException::NOT_OPEN);
        }
    }

    public function close(): void
    {
        if ($this->stream !== null) {
            fclose($this->stream);
        }
        $this->stream = null;
        $this->discard();
        [$this->ahead, $this->place, $this->left, $this->isAwaited] = ['', 0, 0, false];
    }

    /** Bytes of the frame that nobody has read yet. */
    public function left(): int
    {
        return $this->left;
    }

    public function read($len)
    {
        if ($this->left === 0) {
            $this->beginFrame();
        }
        return $this->readAll(min($len, $this->left));
    }

    public function readAll($len)
    {
        if ($this->left === 0 && $len > 0) {
            $this->beginFrame();
        }
        if ($len < 0 || $len > $this->left) {
            throw $this->malformed("$len bytes are to come, and $this->left are left of the reply");
        }
        $data = $this->taken($len);
        $this->left -= $len;
        return $data;
    }

    /** Forgets what was written of a call that broke off. */
    public function discard(): void
    {
        [$this->pieces, $this->small] = [[], ''];
    }

    public function write($buf, $len = null): void
    {
        // Keys of arrays that look like integers are integers.
        $buf = (string) $buf;
        if ($len !== null && $len < strlen($buf)) {
            $buf = substr($buf, 0, $len);
        }
        if (strlen($buf) < self::SMALL_BYTES) {
            $this->small .= $buf;
        } else {
            // Not copied: PHP shares strings until somebody changes one.
            array_push($this->pieces, $this->small, $buf);
            $this->small = '';
        }
    }

    public function flush(): void
    {
        $pieces = [...$this->pieces, $this->small];
        $this->discard();
        if ($this->stream === null) {
            throw $this->broken('the connection is closed', TTransportException::NOT_OPEN);
        }
        if ($this->left > 0) {
            throw $this->broken('the reply before was not read to its end', TTransportException::UNKNOWN);
        }
        $count = array_sum(array_map(strlen(...), $pieces));
        if ($count > Connection::MAX_FRAME_BYTES) {
            throw new TProtocolException(
                "the call has $count bytes, and a frame at most " . Connection::MAX_FRAME_BYTES,
                TProtocolException::SIZE_LIMIT
            );
        }
        $pieces[0] = pack('N', $count) . $pieces[0];
        foreach ($pieces as $piece) {
            $this->send($piece);
        }
        $this->isAwaited = true;
    }

    /** Closes it, and is what to throw: bytes that are not what they should be. */
    public function malformed(string $what, int $code = TProtocolException::INVALID_DATA): TProtocolException
    {
        $this->close();
        return new TProtocolException("$this->host:$this->port: $what", $code);
    }

    private function broken(string $what, int $code): TTransportException
    {
        $this->close();
        return new TTransportException("$this->host:$this->port: $what", $code);
    }

    private function beginFrame(): void
    {
        if ($this->stream === null) {
            throw $this->broken('the connection is closed', TTransportException::NOT_OPEN);
        }
        if (!$this->isAwaited) {
            throw $this->malformed('the reply ends too early');
        }
        $this->left = 4;
        $count = unpack('N', $this->taken(4))[1];
        $this->isAwaited = false;
        $this->left = 0;
        if ($count < 1 || $count > $this->maxFrameBytes) {
            throw $this->malformed(
                "the reply has $count bytes, expected 1 to $this->maxFrameBytes (maxFrameBytes of the connection)",
                TProtocolException::SIZE_LIMIT
            );
        }
        $this->left = $count;
    }

    /** So many bytes, of those that were received ahead and then of the socket. */
    private function taken(int $count): string
    {
        $missing = $count - (strlen($this->ahead) - $this->place);
        if ($missing > 0) {
            $data = substr($this->ahead, $this->place);
            [$this->ahead, $this->place] = ['', 0];
            if ($count >= self::SMALL_BYTES) {
                return $this->received($data, $count);
            }
            $this->ahead = $this->receivedAhead($data, $count);
        }
        $data = substr($this->ahead, $this->place, $count);
        $this->place += $count;
        return $data;
    }

    private function received(string $data, int $count): string
    {
        while (($missing = $count - strlen($data)) > 0) {
            $data .= $this->slice(min($missing, self::SLICE_BYTES));
        }
        return $data;
    }

    /** At least so many, and what else there is of the frame. */
    private function receivedAhead(string $data, int $count): string
    {
        while (strlen($data) < $count) {
            $data .= $this->slice(min($this->left - strlen($data), self::SMALL_BYTES));
        }
        return $data;
    }

    /** What has come, at least one byte. */
    private function slice(int $count): string
    {
        $data = @fread($this->stream, $count);
        if ($data === false || $data === '') {
            throw stream_get_meta_data($this->stream)['timed_out']
                ? $this->broken("no bytes for $this->timeoutS s", TTransportException::TIMED_OUT)
                : $this->broken('the node closed the connection', TTransportException::END_OF_FILE);
        }
        return $data;
    }

    private function send(string $data): void
    {
        for ($sent = 0, $count = strlen($data); $sent < $count; $sent += $written) {
            $written = @fwrite($this->stream, substr($data, $sent, self::SLICE_BYTES));
            if ($written === false || $written === 0) {
                throw stream_get_meta_data($this->stream)['timed_out']
                    ? $this->broken("took no bytes for $this->timeoutS s", TTransportException::TIMED_OUT)
                    : $this->broken('the node closed the connection', TTransportException::END_OF_FILE);
            }
        }
    }
}
