/* clang-format off: the page is a table */
/* hotpatch protocol, version 1, on one page.
 *
 * Transport   nng's REQ/REP; one message each way. The agent does the framing itself, over a byte stream: it
 *             reads past a message beyond HP_MAX_MESSAGE and answers `limit`; one beyond twice that ends the
 *             connection. The client's nng socket receives twice HP_MAX_MESSAGE at most.
 * Message     one msgpack map with string keys, nothing after it. Unknown keys are ignored by the reader.
 *             A known key of the wrong type, a known key that comes twice, and a key that is no string make
 *             the message malformed; nil stands for a key left out.
 * Request     { "protocol": 1, "kind": "push", "id": "…", "deadline_ms": 5000, … }   fields: HP_REQUEST_SHAPE
 * Report      { "protocol": 1, "status": "applied", "id": "…", … }                    fields: HP_REPORT_SHAPE
 * Kinds       status, log, progress, cancel  answered by the I/O side from a snapshot, also while Lua is busy
 *             diff, push, revert, inspect, eval  run at a safe point of the Lua thread
 * Ids         1 to HP_MAX_ID bytes, chosen by the client. A repeated id is answered with the first result
 *             (the agent remembers HP_REMEMBERED_IDS of them) and never runs again. An expired request
 *             never runs. One that runs may take many polls; it can be cancelled until it commits.
 * Versions    the first key of each message is "protocol". A reader that meets another number answers
 *             version_mismatch with a sentence that says which side is older; never silence.
 */
/* clang-format on */
#ifndef HP_PROTOCOL_H
#define HP_PROTOCOL_H

#define HP_PROTOCOL_VERSION 1
#define HP_VERSION          "0.1.0"

#define HP_MAX_MESSAGE (16u * 1024 * 1024) /* bytes, either direction */
#define HP_MAX_DEPTH   24                  /* nesting; msgpack-c itself stops at 32 */
/* keys and values of one message: bounds the memory of decoding */
#define HP_MAX_VALUES     (2u * 1024 * 1024)
#define HP_MAX_ID         128
#define HP_MAX_MODULES    4096
#define HP_MAX_SIGNATURES 16
#define HP_REMEMBERED_IDS 256
#define HP_MAILBOX_SIZE   64

#endif
