/**
 * The interface of a pyrpc node. This file is the only IDL of the project; what the bytes mean, the limits
 * and the error table are in SPEC.md beside it.
 *
 * Any Thrift compiler's output for any language can call a node: framed transport, TBinaryProtocol (a
 * TCompactProtocol call is answered in TCompactProtocol).
 *
 * Changes keep old callers working: a field is only ever added, optional and with a new number; numbers of
 * enums are pinned by tests/wire/test_idl.py and never reused.
 */

namespace py pyrpc_idl
namespace java io.pyrpc.gen
namespace go pyrpc
namespace cpp pyrpc.idl
namespace js pyrpc
namespace rb PyrpcIdl
namespace php PyrpcIdl
namespace perl PyrpcIdl
namespace rs pyrpc

/** Version of this interface; a node tells its own in NodeInfo. */
const i32 PROTOCOL_VERSION = 1

/** What one element of a Tensor is. Elements are little endian. */
enum DType {
  BOOL = 1
  INT8 = 2
  INT16 = 3
  INT32 = 4
  INT64 = 5
  UINT8 = 6
  UINT16 = 7
  UINT32 = 8
  UINT64 = 9
  FLOAT16 = 10
  BFLOAT16 = 11
  FLOAT32 = 12
  FLOAT64 = 13
  COMPLEX64 = 14
  COMPLEX128 = 15
  /** int64 count of `unit` since 1970-01-01T00:00; the lowest int64 is NaT. */
  DATETIME64 = 16
  /** int64 count of `unit`; the lowest int64 is NaT. */
  TIMEDELTA64 = 17
  /** `itemsize` bytes, padded with zero bytes. */
  BYTES = 18
  /** itemsize / 4 UTF-32 code points, padded with zeros. */
  UNICODE = 19
  /** UTF-8 of any length: size + 1 int64 offsets, then the text they point into. */
  STRING = 20
}

/**
 * An array, C order. The order of the fields matters to a receiver that reads while bytes arrive: what tells
 * how much memory to take comes first. A writer may send itemsize and unit before data, as Thrift allows.
 */
struct Tensor {
  1: DType dtype
  /** Rows first; empty for a 0-d array. */
  2: list<i64> shape
  /** Exactly product(shape) x itemsize bytes (see STRING for the one exception). */
  3: binary data
  /** BYTES and UNICODE only: bytes of one element. */
  4: optional i32 itemsize
  /** DATETIME64 and TIMEDELTA64 only: "ns", "us", "D", "25s", "generic" ... as NumPy writes it. */
  5: optional string unit
  /** CRC32C of data, 0 to 2^32 - 1. Calls may have it; replies have it if want_crc32c asks for it. */
  6: optional i64 crc32c
}

/** Names data that the node already holds (see Node.put). */
struct Ref {
  1: string id
}

/** Anything a method takes or returns. Exactly one field is set. */
union Value {
  /** None, null, nil. Always true. */
  1: bool null_value
  2: bool bool_value
  3: i64 int_value
  4: double double_value
  5: string string_value
  6: binary binary_value
  7: Tensor tensor_value
  8: list<Value> list_value
  9: map<string, Value> map_value
  10: Ref ref_value
}

/** What a caller asks for beside the call itself. Every field may be left out. */
struct CallOptions {
  /** Chosen by the caller, unique on its side; names the call in logs. */
  1: optional i64 request_id
  /** Time left for this call, all attempts included. Work that has expired is not started. */
  2: optional i64 remaining_ms
  /** The largest frame the caller takes; without it a reply stays within 16,384,000 bytes. */
  3: optional i64 max_frame_bytes
  /** 0 for the first attempt. */
  4: optional i32 attempt
  /** Bearer token, for nodes that ask for one. Never logged. */
  5: optional string token
  /** Ask for crc32c on every Tensor of the reply. */
  6: optional bool want_crc32c
  /** Trace context, W3C names ("traceparent", ...). */
  7: optional map<string, string> context
}

/** The codes of RpcError. SPEC.md has the table: whose fault, may it have run, is a retry safe. */
enum ErrorCode {
  /** No such service, method or stage. */
  UNKNOWN_METHOD = 1
  /** Wrong count, names or types of arguments. */
  BAD_ARGUMENT = 2
  /** An array does not fit what the stage declares. */
  CONTRACT_VIOLATED = 3
  /** A type or dtype that does not travel. */
  UNSUPPORTED_TYPE = 4
  /** Over a limit: frame, chunk, container, nesting. */
  TOO_LARGE = 5
  /** The bytes are not the message they should be. */
  MALFORMED = 6
  /** The token is missing or wrong. */
  UNAUTHENTICATED = 7
  /** The token does not give the right to this service. */
  PERMISSION_DENIED = 8
  /** The stage raised. */
  STAGE_FAILED = 9
  /** The stage gave another number of rows, or another array, than it declares. */
  BAD_RESULT = 10
  /** The node has too much to do; retry_after_ms tells when to come back. */
  OVERLOADED = 11
  /** The node is going away. */
  DRAINING = 12
  /** The time was over before the call started. */
  EXPIRED = 13
  CANCELLED = 14
  /** The Ref names nothing that the node holds. */
  UNKNOWN_REF = 15
  /** A fault of the node itself. */
  INTERNAL = 16
  /** The worker process died while the call ran. */
  WORKER_LOST = 17
  /** The data of a Tensor of the call is not what its crc32c says; nothing ran. */
  BAD_CHECKSUM = 18
}

exception RpcError {
  1: ErrorCode code
  2: string message
  /** What to do about it. */
  3: optional string help
  4: optional i64 retry_after_ms
  /** The traceback of the stage, when the node gives it out. */
  5: optional string remote_traceback
  /** Class name of what the stage raised. */
  6: optional string remote_type
  7: optional string expected
  8: optional string got
}

/** What the node has to do just now; travels with each reply. */
struct LoadReport {
  /** Calls that wait for a thread. */
  1: i32 queued
  /** Calls that run, this one included. */
  2: i32 in_flight
  /** Time this call waited, and time it ran. */
  3: i64 queued_us
  4: i64 service_us
  /** How many calls the node runs at the same time. Replies to run, and stats, have it. */
  5: optional i32 slots
  /** Moving average of the stage that ran. Replies to run have it. */
  6: optional double ms_per_row
}

struct CallReply {
  1: Value value
  2: optional LoadReport load
}

/** Which arrays fit: any of dtypes (none: any), and dims by name, number, "_" (any) or "..." (any number, first only). */
struct TensorSpec {
  1: list<string> dtypes
  2: optional list<string> dims
}

enum ParamKind {
  POSITIONAL_ONLY = 1
  POSITIONAL_OR_NAMED = 2
  VAR_POSITIONAL = 3
  NAMED_ONLY = 4
  VAR_NAMED = 5
}

struct ParamInfo {
  1: string name
  2: ParamKind kind
  3: bool has_default
  /** The type hint, as its source shows it. */
  4: optional string annotation
  5: optional TensorSpec tensor
}

/** One method of the node and its contract. */
struct StageInfo {
  /** "Class.method", "module.function" or "function". */
  1: string name
  2: string doc
  3: list<ParamInfo> params
  /** What comes back, one for each array; not set: not declared. */
  4: optional list<TensorSpec> gives
  /** The result is a tuple, even if gives has one entry. */
  5: bool gives_tuple
  /** A second run does no harm; not set: not declared. */
  6: optional bool idempotent
  /** May be run on parts of its arrays; not set: not declared. */
  7: optional bool splittable
  /** The type hint of the result. */
  8: optional string returns
}

enum NodeState {
  SERVING = 1
  DRAINING = 2
  NOT_SERVING = 3
}

struct NodeInfo {
  1: string node_id
  /** Version of the pyrpc package, and of this interface. */
  2: string version
  3: i32 protocol_version
  4: NodeState state
  /** The largest frame the node takes. */
  5: i64 max_frame_bytes
  6: i64 pid
  /** How many calls run at the same time. */
  7: i32 threads
}

/** Batches of a stage whose concurrent calls are merged; see SPEC.md. */
struct BatchStats {
  1: i64 batches
  2: i64 calls
  3: i64 rows
  /** Why they were sent: no room for more rows, */
  4: i64 full
  /** the time to wait for others was over, */
  5: i64 delay
  /** nobody else was there, */
  6: i64 nobody_else
  /** the node drains, */
  7: i64 drain
  /** or the other calls did not fit together with it. */
  8: i64 incompatible
  /** Calls that ran again, one by one, since their batch failed. */
  9: i64 ran_singly
}

/** Half of the calls, 95 and 99 of 100 took at most so long, about: from a histogram. Microseconds. */
struct Percentiles {
  1: i64 p50_us
  2: i64 p95_us
  3: i64 p99_us
}

struct StageStats {
  1: i64 calls
  2: i64 errors
  3: i64 rows
  4: i64 total_us
  5: i64 max_us
  /** Of a stage that is batched. */
  6: optional BatchStats batches
  /** Moving average over the chunks that ran; not set: none did. */
  7: optional double ms_per_row
  /** Of the time that calls ran, and of the time that they waited before; not set: none did. */
  8: optional Percentiles run
  9: optional Percentiles queue
}

struct NodeStats {
  1: NodeInfo node
  2: double uptime_s
  3: i64 connections
  4: i64 bytes_received
  5: i64 bytes_sent
  6: LoadReport load
  7: map<string, StageStats> stages
  /** Errors by the name of their code. */
  8: map<string, i64> errors
}

service Node {
  /** Call any method with any values. */
  CallReply call(1: string method, 2: list<Value> positional, 3: map<string, Value> named, 4: CallOptions options)
    throws (1: RpcError error)

  /**
   * Run a stage on one chunk. `rows` is the length of the chunk's split arrays: what the stage gives must be
   * arrays of as many rows. rows < 0: the result is not checked (a reduction).
   */
  CallReply run(1: string stage, 2: list<Value> inputs, 3: map<string, Value> named, 4: i64 rows, 5: CallOptions options)
    throws (1: RpcError error)

  /** Needs no token. */
  NodeInfo ping()

  list<StageInfo> stages(1: CallOptions options) throws (1: RpcError error)

  NodeStats stats(1: CallOptions options) throws (1: RpcError error)

  /** Leave a value on the node; the id is a hash of its content. */
  Ref put(1: Value value, 2: CallOptions options) throws (1: RpcError error)

  void release(1: Ref ref, 2: CallOptions options) throws (1: RpcError error)

  /**
   * Go away: refuse new work as DRAINING, finish what runs within grace_ms (not set: as the node was started), end.
   * Answers at once. Again: no harm. A token needs the right to everything.
   */
  NodeInfo drain(1: CallOptions options, 2: i64 grace_ms) throws (1: RpcError error)
}
