// Writes vectors with Go's own implementation of signed notes (sumdb/note) and Merkle trees (sumdb/tlog).
//
//	go run . ../..
//
// Reads links.json there, which Python has written, and writes merkle.json, notes.json, heads.json, tiles.json and
// tlog-proofs.json.
//
// Keys come from fixed seeds and every value is derived from counters, so that each run writes the same bytes.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . DIRECTORY")
	}
	dir := os.Args[1]
	write(filepath.Join(dir, "merkle.json"), merkle())
	keys, signers := makeKeys()
	write(filepath.Join(dir, "notes.json"), notes(keys, signers))
	write(filepath.Join(dir, "heads.json"), heads(filepath.Join(dir, "links.json"), keys, signers))
	write(filepath.Join(dir, "tiles.json"), tiles())
	write(filepath.Join(dir, "tlog-proofs.json"), tlogProofs(filepath.Join(dir, "links.json"), keys, signers))
}

// tree is a stored log that can be read at any of its sizes.
type tree struct {
	hashes []tlog.Hash
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		list[i] = t.hashes[index]
	}
	return list, nil
}

type inclusion struct {
	Size  int64    `json:"size"`
	Index int64    `json:"index"`
	Proof []string `json:"proof"`
}

type consistency struct {
	OldSize int64    `json:"old_size"`
	NewSize int64    `json:"new_size"`
	Proof   []string `json:"proof"`
}

// merkle returns the roots of all trees of the leaves "leaf 0", "leaf 1" … and samples of their proofs.
func merkle() any {
	const size = 100
	t := &tree{}
	leaves := []string{}
	leafHashes := []string{}
	roots := []string{hexOf(treeHash(0, t))}
	for i := int64(0); i < size; i++ {
		leaf := fmt.Sprintf("leaf %d", i)
		hashes, err := tlog.StoredHashes(i, []byte(leaf), t)
		check(err)
		t.hashes = append(t.hashes, hashes...)
		leaves = append(leaves, leaf)
		leafHashes = append(leafHashes, hexOf(tlog.RecordHash([]byte(leaf))))
		roots = append(roots, hexOf(treeHash(i+1, t)))
	}
	inclusions := []inclusion{}
	consistencies := []consistency{}
	for n := int64(1); n <= size; n++ {
		if n > 20 && !slices.Contains([]int64{31, 32, 33, 63, 64, 65, 99, 100}, n) {
			continue
		}
		// Every proof of the small trees; of the others that of a middle leaf and of the last.
		for i := int64(0); i < n; i++ {
			if n > 9 && i != n/2 && i != n-1 {
				continue
			}
			proof, err := tlog.ProveRecord(n, i, t)
			check(err)
			check(tlog.CheckRecord(proof, n, treeHash(n, t), i, tlog.RecordHash([]byte(leaves[i]))))
			inclusions = append(inclusions, inclusion{n, i, hexes(proof)})
		}
		for old := int64(1); old <= n; old++ {
			if n > 9 && old != n/2 && old != n-1 {
				continue
			}
			proof, err := tlog.ProveTree(n, old, t)
			check(err)
			check(tlog.CheckTree(proof, n, treeHash(n, t), old, treeHash(old, t)))
			consistencies = append(consistencies, consistency{old, n, hexes(proof)})
		}
	}
	return map[string]any{
		"about":         "golang.org/x/mod/sumdb/tlog: leaves as text; leaf hashes, roots (of size 0, 1, 2 …) and proofs in hex",
		"leaves":        leaves,
		"leaf_hashes":   leafHashes,
		"roots":         roots,
		"inclusions":    inclusions,
		"consistencies": consistencies,
	}
}

func treeHash(n int64, t *tree) tlog.Hash {
	hash, err := tlog.TreeHash(n, t)
	check(err)
	return hash
}

func hexOf(hash tlog.Hash) string { return hex.EncodeToString(hash[:]) }

func hexes(proof []tlog.Hash) []string {
	list := []string{}
	for _, hash := range proof {
		list = append(list, hexOf(hash))
	}
	return list
}

// cosigner signs checkpoints with their time: c2sp.org/tlog-cosignature, on top of package note, which does not have it.
type cosigner struct {
	name string
	time uint64
	key  ed25519.PrivateKey
}

func (c *cosigner) Name() string { return c.name }

func (c *cosigner) public() []byte {
	return append([]byte{4}, c.key.Public().(ed25519.PublicKey)...)
}

func (c *cosigner) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(c.name+"\n"), c.public()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (c *cosigner) Sign(msg []byte) ([]byte, error) {
	text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", c.time, msg)
	return append(binary.BigEndian.AppendUint64(nil, c.time), ed25519.Sign(c.key, []byte(text))...), nil
}

func (c *cosigner) keyText(prefix string, data []byte) string {
	return fmt.Sprintf("%s%s+%08x+%s", prefix, c.name, c.KeyHash(), base64.StdEncoding.EncodeToString(data))
}

type key struct {
	Name     string `json:"name"`
	Type     int    `json:"type"`
	Seed     string `json:"seed"`
	Signer   string `json:"signer"`
	Verifier string `json:"vkey"`
}

type signed struct {
	Name  string   `json:"name"`
	Text  string   `json:"text"`
	Time  uint64   `json:"time"`
	Keys  []string `json:"keys"`
	Note  string   `json:"note"`
	Size  int64    `json:"size,omitempty"`
	Root  string   `json:"root,omitempty"`
	Names []string `json:"signers"`
}

// makeKeys returns the keys of the vectors, and their signers by name.
func makeKeys() ([]key, map[string]note.Signer) {
	keys := []key{}
	signers := map[string]note.Signer{}
	for i, name := range []string{"scidex.ai/audit-chain", "example.com/log", "PeterNeumann", "пример.рф/журнал"} {
		seed := bytes.Repeat([]byte{byte(i + 1)}, 32)
		public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		vkey, err := note.NewEd25519VerifierKey(name, public)
		check(err)
		// The private form repeats the key ID of the public one, and has the seed in the place of the public key.
		id := vkey[len(name)+1 : len(name)+9]
		skey := fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, id, base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
		signer, err := note.NewSigner(skey)
		check(err)
		signers[name] = signer
		keys = append(keys, key{name, 1, hex.EncodeToString(seed), skey, vkey})
	}
	for i, name := range []string{"scidex.ai/audit-chain/timestamp", "witness.example/w1"} {
		seed := bytes.Repeat([]byte{byte(i + 101)}, 32)
		c := &cosigner{name: name, key: ed25519.NewKeyFromSeed(seed)}
		signers[name] = c
		keys = append(keys, key{name, 4, hex.EncodeToString(seed),
			c.keyText("PRIVATE+KEY+", append([]byte{4}, seed...)), c.keyText("", c.public())})
	}

	return keys, signers
}

// sign signs a note with the named keys, the cosigners at the given time.
func sign(text string, time uint64, signers map[string]note.Signer, names ...string) string {
	with := []note.Signer{}
	for _, name := range names {
		if c, ok := signers[name].(*cosigner); ok {
			c.time = time
		}
		with = append(with, signers[name])
	}
	out, err := note.Sign(&note.Note{Text: text}, with...)
	check(err)
	return string(out)
}

// notes returns the keys, and notes and checkpoints signed with them.
func notes(keys []key, signers map[string]note.Signer) any {
	list := []signed{
		{Name: "text", Text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
			Names: []string{"PeterNeumann"}},
		{Name: "text-with-empty-lines", Text: "one\n\n\ntwo\n", Names: []string{"example.com/log"}},
		{Name: "two-signatures", Text: "ἀρχή\n", Names: []string{"example.com/log", "пример.рф/журнал"}},
	}
	t := &tree{}
	for i := int64(0); i < 1042; i++ {
		hashes, err := tlog.StoredHashes(i, fmt.Appendf(nil, "leaf %d", i), t)
		check(err)
		t.hashes = append(t.hashes, hashes...)
	}
	for _, size := range []int64{0, 1, 2, 1042} {
		root := treeHash(size, t)
		list = append(list, signed{
			Name: fmt.Sprintf("checkpoint-%d", size),
			Text: fmt.Sprintf("scidex.ai/audit-chain\n%d\n%s\n", size, root),
			Time: uint64(1777381200 + size),
			Size: size, Root: hexOf(root),
			Names: []string{"scidex.ai/audit-chain", "scidex.ai/audit-chain/timestamp", "witness.example/w1"},
		})
	}
	for i := range list {
		for _, name := range list[i].Names {
			for _, k := range keys {
				if k.Name == name {
					list[i].Keys = append(list[i].Keys, k.Verifier)
				}
			}
		}
		list[i].Note = sign(list[i].Text, list[i].Time, signers, list[i].Names...)
	}
	return map[string]any{
		"about": "golang.org/x/mod/sumdb/note, and cosignatures (type 4) by crypto/ed25519; the keys are for tests only",
		"keys":  keys,
		"notes": list,
	}
}

// head has the members of a head line in their order.
type head struct {
	Seq         int64    `json:"seq"`
	ChainHash   string   `json:"chain_hash"`
	AppendedAt  string   `json:"appended_at"`
	PublishedAt string   `json:"published_at"`
	Checkpoint  string   `json:"checkpoint"`
	Entry       string   `json:"entry"`
	Proof       []string `json:"proof"`
}

type headCase struct {
	Name  string `json:"name"`
	Line  string `json:"line"`
	Valid bool   `json:"valid"`
}

// heads returns head lines of the chain in links.json; those that are not valid are signed in the wrong way.
func heads(path string, keys []key, signers map[string]note.Signer) any {
	data, err := os.ReadFile(path)
	check(err)
	var chain struct {
		Links []struct {
			ChainHash  string `json:"chain_hash"`
			AppendedAt string `json:"appended_at"`
			Leaf       string `json:"leaf"`
		} `json:"links"`
	}
	check(json.Unmarshal(data, &chain))
	t := &tree{}
	for i, link := range chain.Links {
		hashes, err := tlog.StoredHashes(int64(i), []byte(link.Leaf), t)
		check(err)
		t.hashes = append(t.hashes, hashes...)
	}
	const origin = "scidex.ai/audit-chain"
	const timestamp = origin + "/timestamp"
	start := time.Date(2026, 4, 28, 13, 0, 0, 0, time.UTC)
	line := func(seq int64, at time.Time, origin string, names ...string) string {
		link := chain.Links[seq-1]
		proof, err := tlog.ProveRecord(seq, seq-1, t)
		check(err)
		texts := []string{}
		for _, hash := range proof {
			texts = append(texts, hash.String())
		}
		text := fmt.Sprintf("%s\n%d\n%s\n", origin, seq, treeHash(seq, t))
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		check(encoder.Encode(head{seq, link.ChainHash, link.AppendedAt, at.Format(time.RFC3339),
			sign(text, uint64(at.Unix()), signers, names...), link.Leaf, texts}))
		return strings.TrimSuffix(out.String(), "\n")
	}
	list := []headCase{}
	for seq := range int64(len(chain.Links)) {
		at := start.Add(time.Duration(seq) * time.Hour)
		list = append(list, headCase{fmt.Sprintf("seq-%d", seq+1), line(seq+1, at, origin, origin, timestamp), true})
	}
	list = append(list,
		headCase{"the-same-seq-later", line(20, start.Add(100*time.Hour), origin, origin, timestamp), true},
		headCase{"with-a-witness", line(20, start, origin, origin, timestamp, "witness.example/w1"), true},
		headCase{"signatures-in-another-order", line(20, start, origin, timestamp, origin), true},
		headCase{"another-log", line(20, start, "example.com/log", "example.com/log", timestamp), false},
		headCase{"our-origin-signed-by-another-log", line(20, start, origin, "example.com/log", timestamp), false},
		headCase{"cosigned-by-a-witness-only", line(20, start, origin, origin, "witness.example/w1"), false},
	)
	trusted := []string{}
	for _, k := range keys {
		if k.Name == origin || k.Name == timestamp {
			trusted = append(trusted, k.Verifier)
		}
	}
	return map[string]any{
		"about":  "head lines of the chain in links.json, with Go's json, tlog and note",
		"origin": origin,
		"vkeys":  trusted,
		"heads":  list,
	}
}

func write(path string, value any) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	check(encoder.Encode(value))
	check(os.WriteFile(path, out.Bytes(), 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
