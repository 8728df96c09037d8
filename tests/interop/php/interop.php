<?php

// Checks a node from PHP, and prints a line for each check.

declare(strict_types=1);

use InteropIdl\InteropClient;
use InteropIdl\Mood;
use InteropIdl\Region;
use Pyrpc\Arrays;
use Pyrpc\Connection;
use PyrpcIdl\DType;
use PyrpcIdl\ErrorCode;
use PyrpcIdl\RpcError;
use PyrpcIdl\Tensor;
use PyrpcIdl\Value;
use Thrift\Exception\TTransportException;

require __DIR__ . '/../autoload.php';

// What PHP only warns of is a failure here.
set_error_handler(static fn ($level, $message, $file, $line) => error_reporting() & $level
    ? throw new ErrorException($message, 0, $level, $file, $line)
    : true);

function check(string $name, callable $run): void
{
    try {
        $note = $run();
        echo "ok $name", $note === null ? '' : ": $note", PHP_EOL;
    } catch (Throwable $error) {
        echo "fail $name: ", get_class($error), ' ', strtr($error->getMessage(), "\n", ' '), PHP_EOL;
    }
}

function expect(bool $isRight, string $what, mixed $got = null): void
{
    if (!$isRight) {
        throw new LogicException("$what, got " . json_encode($got, JSON_PARTIAL_OUTPUT_ON_ERROR));
    }
}

/** What a call is refused with. */
function refusal(callable $run): RpcError
{
    try {
        $run();
    } catch (RpcError $error) {
        return $error;
    }
    throw new LogicException('it was not refused');
}

function integer(int $value): Value
{
    return new Value(['int_value' => $value]);
}

final class Interop
{
    private InteropClient $client;

    public function __construct(
        private string $host,
        private int $port,
        private bool $isCompact,
        private Connection $connection,
    ) {
        $this->client = $connection->service(InteropClient::class);
    }

    public function ping(): void
    {
        $version = $this->connection->node->ping()->protocol_version;
        expect($version === 1, 'protocol_version 1', $version);
    }

    public function typed(): void
    {
        $sum = $this->client->add(1, 2);
        expect($sum === 3, '3', $sum);
    }

    public function plain(): void
    {
        $sum = $this->connection->service(InteropClient::class, '')->add(1, 2);
        expect($sum === 3, '3', $sum);
    }

    public function generic(): void
    {
        $node = $this->connection->node;
        $reply = $node->call('Interop.add', [integer(1)], ['b' => integer(5)], $this->connection->options());
        expect($reply->value->int_value === 6, '6', $reply->value);
        $reply = $node->call('Interop.add', [integer(2 ** 40), integer(1)], [], $this->connection->options());
        expect($reply->value->int_value === 2 ** 40 + 1, '2^40 + 1', $reply->value);
        foreach ([PHP_INT_MIN, PHP_INT_MAX, -1, 0, 127, 128, -64, -65, 2 ** 31, -(2 ** 31), 2 ** 62, -(2 ** 62)] as $each) {
            $sum = $this->client->add($each, 0);
            expect($sum === $each, "$each", $sum);
        }
    }

    public function struct(): void
    {
        $grown = $this->client->grown(new Region([
            'x' => 2,
            'y' => 3.0,
            'label' => 'é',
            'moods' => [Mood::CALM],
            'scores' => ['a' => 0.5],
            'pixels' => Arrays::zeros(DType::UINT8, [2, 2]),
        ]));
        expect([$grown->x, $grown->y, $grown->label] === [3, 3.0, 'é'], 'x, y and label', $grown);
        expect($grown->moods === [Mood::CALM, Mood::LOUD], 'two moods', $grown->moods);
        ksort($grown->scores);
        expect($grown->scores === ['a' => 0.5, 'area' => 6.0], 'two scores', $grown->scores);
        expect(Arrays::elements($grown->pixels) === [1, 1, 1, 1], 'pixels', $grown->pixels);
        $grown = $this->client->grown(new Region(['x' => 2, 'y' => 3.0]));
        expect($grown->label === null && $grown->pixels === null, 'neither label nor pixels', $grown);
    }

    public function text(): void
    {
        $reversed = $this->client->reversed('aé😀');
        expect($reversed === '😀éa', '😀éa', $reversed);
    }

    public function large(): void
    {
        $rows = 1_000_000;
        $elements = array_merge(...array_fill(0, 4000, array_map(floatval(...), range(0, 999))));
        $doubled = array_merge(...array_fill(0, 4000, array_map(floatval(...), range(0, 1998, 2))));
        $tensor = Arrays::tensor(DType::FLOAT32, $elements, [$rows, 4]);
        unset($elements);
        $compare = static function (Tensor $result) use ($rows, $doubled): void {
            expect($result->shape === [$rows, 4], 'the shape', $result->shape);
            expect(Arrays::elements($result) === $doubled, 'every element twice');
        };
        $compare($this->client->doubled($tensor));
        $inputs = [new Value(['tensor_value' => $tensor])];
        $reply = $this->connection->node->run('Interop.doubled', $inputs, [], $rows, $this->connection->options());
        $compare($reply->value->tensor_value);
    }

    public function larger(): void
    {
        $bytes = substr(str_repeat(pack('C*', ...range(0, 250)), intdiv(64 << 20, 251) + 1), 0, 64 << 20);
        $tensor = Arrays::ofBytes(DType::UINT8, $bytes);
        $value = new Value(['tensor_value' => $tensor]);
        $reply = $this->connection->node->call('Interop.echo', [$value], [], $this->connection->options());
        expect(Arrays::bytes($reply->value->tensor_value) === $bytes, 'the same bytes of Node.call');
        unset($reply);
        expect(Arrays::bytes($this->client->echo($tensor)) === $bytes, 'the same bytes');
    }

    public function errors(): void
    {
        $integers = Arrays::zeros(DType::INT32, [2, 4]);
        $error = refusal(fn () => $this->client->doubled($integers));
        expect($error->code === ErrorCode::CONTRACT_VIOLATED, 'CONTRACT_VIOLATED', $error->code);
        expect("$error->expected" !== '' && "$error->got" !== '', 'expected and got', $error);
        $error = refusal(fn () => $this->client->fail('on purpose'));
        expect($error->code === ErrorCode::STAGE_FAILED, 'STAGE_FAILED', $error->code);
        expect($error->remote_type === 'ValueError', 'ValueError', $error->remote_type);
        expect(str_contains($error->getMessage(), 'on purpose'), 'on purpose', $error->getMessage());
        try {
            // Breaks off while it is written.
            $this->client->check('bool', new Tensor(['dtype' => 1, 'shape' => [1], 'data' => []]));
            expect(false, 'no result');
        } catch (TypeError) {
        }
        $this->typed();
    }

    public function deadline(): void
    {
        $node = $this->connection->node;
        $left = $node->call('Interop.left_s', [], [], $this->connection->options(60))->value->double_value;
        expect($left > 0 && $left <= 60, 'at most 60 s', $left);
        $error = refusal(fn () => $node->call('Interop.left_s', [], [], $this->connection->options(0)));
        expect($error->code === ErrorCode::EXPIRED, 'EXPIRED', $error->code);
        $impatient = Connection::open($this->host, $this->port, timeoutS: 0.5, compact: $this->isCompact);
        $began = hrtime(true);
        try {
            $impatient->service(InteropClient::class)->sleep(10);
            expect(false, 'no result');
        } catch (TTransportException $error) {
            expect($error->getCode() === TTransportException::TIMED_OUT, 'TIMED_OUT', $error->getCode());
            expect(hrtime(true) - $began < 5e9, 'less than 5 s', hrtime(true) - $began);
        }
    }

    public function tls(): void
    {
        [$port, $token] = [(int) getenv('PYRPC_TLS_PORT'), getenv('PYRPC_TLS_TOKEN')];
        $trusting = ['cafile' => getenv('PYRPC_TLS_CA')];
        $open = fn (string $host, ?string $token, array $tls) => Connection::open(
            $host,
            $port,
            compact: $this->isCompact,
            token: $token,
            tls: $tls
        );
        $secure = $open('localhost', $token, $trusting);
        $client = $secure->service(InteropClient::class);
        expect($client->add(1, 2) === 3, '3');
        $sum = $secure->node->call('Interop.add', [integer(1)], [], $secure->options())->value->int_value;
        expect($sum === 3, '3', $sum);
        $data = str_repeat('abcd', 1_000_000);
        expect(Arrays::bytes($client->echo(Arrays::ofBytes(DType::UINT8, $data))) === $data, 'the same 4 MB');
        $secure->close();
        foreach ([null, 'guessed'] as $wrong) {
            $error = refusal(fn () => $open('localhost', $wrong, $trusting));
            expect($error->code === ErrorCode::UNAUTHENTICATED, 'UNAUTHENTICATED', $error->code);
        }
        $strangers = [
            ['localhost', [], 'certificate verify failed'],
            ['localhost', ['verify_peer' => false], 'certificate verify failed'],
            ['127.0.0.1', $trusting, 'did not match'],
        ];
        foreach ($strangers as [$host, $tls, $reason]) {
            try {
                $open($host, $token, $tls);
                $said = 'nothing';
            } catch (TTransportException $error) {
                $said = $error->getMessage();
            }
            expect(str_contains($said, $reason), $reason, $said);
        }
    }

    /** Compared as they are serialized, since -0.0 and infinity count. */
    public function dtype(string $name, int $dtype, array $elements, string $type, ?string $unit = null): void
    {
        check("dtype $name", function () use ($name, $dtype, $elements, $type, $unit): string {
            $sample = $this->client->sample($name);
            expect($sample->shape === [2, 3], 'the shape', $sample->shape);
            expect($sample->dtype === $dtype && $sample->unit === $unit, 'the dtype', $sample->dtype);
            $found = Arrays::elements($sample);
            expect(serialize($found) === serialize($elements), serialize($elements), serialize($found));
            expect($this->client->check($name, Arrays::tensor($dtype, $elements, [2, 3], $unit)), 'true');
            return $type;
        });
    }

    public function dtypes(): void
    {
        $this->dtype('bool', DType::BOOL, [true, false, true, true, false, false], 'bool[]');
        foreach (['int8' => DType::INT8, 'int16' => DType::INT16, 'int32' => DType::INT32] as $name => $dtype) {
            $most = 2 ** ((int) substr($name, 3) - 1) - 1;
            $this->dtype($name, $dtype, [-$most - 1, -1, 0, 3, $most - 1, $most], 'int[]');
        }
        $this->dtype('int64', DType::INT64, [PHP_INT_MIN, -1, 0, 3, PHP_INT_MAX - 1, PHP_INT_MAX], 'int[]');
        foreach (['uint8' => DType::UINT8, 'uint16' => DType::UINT16, 'uint32' => DType::UINT32] as $name => $dtype) {
            $most = 2 ** (int) substr($name, 4) - 1;
            $this->dtype($name, $dtype, [0, 1, 2, 3, $most - 1, $most], 'int[]');
        }
        $this->dtype('uint64', DType::UINT64, [0, 1, 2, 3, -2, -1], 'int[], the same 64 bits');
        $this->dtype('float16', DType::FLOAT16, [0xBE00, 0x8000, 0, 0x3800, 0x4000, 0x7C00], 'int[], the bits');
        $this->dtype('bfloat16', DType::BFLOAT16, [0xBFC0, 0x8000, 0, 0x3F00, 0x4000, 0x7F80], 'int[], the bits');
        $this->dtype('float32', DType::FLOAT32, [-1.5, -0.0, 0.0, 0.5, 2.0, INF], 'float[]');
        $this->dtype('float64', DType::FLOAT64, [-1.5, -0.0, 0.0, 0.5, 2.0, INF], 'float[]');
        $complex = array_map(static fn (int $index) => [$index + 0.5, (float) -$index], range(0, 5));
        $complex[0] = [0.5, 0.0];
        $this->dtype('complex64', DType::COMPLEX64, $complex, '[float, float][]');
        $this->dtype('complex128', DType::COMPLEX128, $complex, '[float, float][]');
        $counts = [0, 1, -1, 1000, 86_400_000, PHP_INT_MIN];
        $this->dtype('datetime64', DType::DATETIME64, $counts, 'int[]', 'ns');
        $this->dtype('timedelta64', DType::TIMEDELTA64, $counts, 'int[]', 'ms');
        $this->dtype('bytes', DType::BYTES, ['', 'a', 'ab', 'abc', 'x', "y\0z"], 'string[]');
        $this->dtype('unicode', DType::UNICODE, ['', 'a', 'ab', 'é', '😀', 'z😀'], 'string[]');
        $texts = ['', 'a', 'ab', 'é', '😀', 'longer than all the others'];
        $this->dtype('string', DType::STRING, $texts, 'string[]');
    }
}

[, $host, $port, $protocol] = $argv;
$isCompact = $protocol === 'compact';
$connection = Connection::open($host, (int) $port, compact: $isCompact);
$interop = new Interop($host, (int) $port, $isCompact, $connection);
check('ping', $interop->ping(...));
check('typed call', $interop->typed(...));
check('plain name', $interop->plain(...));
check('generic call', $interop->generic(...));
check('struct', $interop->struct(...));
check('text', $interop->text(...));
check('16 MB', $interop->large(...));
check('64 MiB', $interop->larger(...));
check('typed error', $interop->errors(...));
check('deadline', $interop->deadline(...));
check('tls', $interop->tls(...));
$interop->dtypes();
$connection->close();
