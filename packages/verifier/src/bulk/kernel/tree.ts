import { lane, LEAVES } from "./memory";
import { copyHash, DIGESTS, hashLanes, pad } from "./sha256";

/**
 * The root of 2^level leaf hashes (RFC 6962, section 2.1), starting with number `first` of those that `checkLinks` has
 * left. They are replaced: the root takes the place of the first.
 */
export function subtreeRoot(first: i32, level: i32): usize {
  const at = LEAVES + (<usize>first << 5);
  for (let nodes = (1 << level) >> 1; nodes > 0; nodes >>= 1) {
    for (let i = 0; i < nodes; i += 4) {
      const n = min(4, nodes - i);
      for (let k = 0; k < n; k++) {
        const message = lane(k);
        const children = at + (<usize>(i + k) << 6);
        store<u8>(message, 1); // RFC 6962: the prefix of a node
        copyHash(message + 1, children);
        copyHash(message + 33, children + 32);
        pad(message, 65);
      }
      hashLanes(lane(0), 2, lane(1), n > 1 ? 2 : 0, lane(2), n > 2 ? 2 : 0, lane(3), n > 3 ? 2 : 0);
      for (let k = 0; k < n; k++) copyHash(at + (<usize>(i + k) << 5), DIGESTS + (<usize>k << 5));
    }
  }
  return at;
}
