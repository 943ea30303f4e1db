// Checks a folder of tiles, its head log and proofs with code that shares nothing with audit-chain:
// golang.org/x/mod/sumdb, filippo.io/torchwood and transparency-dev/formats.
//
//	tlog KEYS FOLDER PROOF…
//
// KEYS has the log's two verifier keys. Exit 0 and a line "ok: …": all is right; 1: something is not; 2: usage.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Println("usage: tlog KEYS FOLDER PROOF…")
		os.Exit(2)
	}
	size, heads, err := check(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Println("FAIL", err)
		os.Exit(1)
	}
	fmt.Printf("ok: %d leaves, %d heads, %d proofs\n", size, heads, len(os.Args)-3)
}

func check(keys, folder string, proofs []string) (int64, int, error) {
	verifiers, err := readKeys(keys)
	if err != nil {
		return 0, 0, err
	}
	data, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return 0, 0, err
	}
	tree, err := open(string(data), verifiers)
	if err != nil {
		return 0, 0, err
	}
	// It holds each tile that it reads against the root.
	hashes := tlog.TileHashReader(tree.Tree, reader(folder))
	if err := checkEntries(folder, tree.N, hashes); err != nil {
		return 0, 0, err
	}
	heads, err := checkHeads(folder, tree, verifiers, hashes)
	if err != nil {
		return 0, 0, err
	}
	for _, path := range proofs {
		if err := checkProof(path, tree, verifiers, hashes); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return tree.N, heads, nil
}

func readKeys(path string) ([]note.Verifier, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(string(data))
	if len(words) != 2 {
		return nil, errors.New("expected two verifier keys")
	}
	log, err := note.NewVerifier(words[0])
	if err != nil {
		return nil, err
	}
	time, err := fnote.NewVerifierForCosignatureV1(words[1])
	if err != nil {
		return nil, err
	}
	return []note.Verifier{log, time}, nil
}

// open returns the checkpoint of a note that both keys have signed.
func open(text string, verifiers []note.Verifier) (torchwood.Checkpoint, error) {
	opened, err := note.Open([]byte(text), note.VerifierList(verifiers...))
	if err != nil {
		return torchwood.Checkpoint{}, err
	}
	if len(opened.Sigs) != 2 || len(opened.UnverifiedSigs) != 0 {
		return torchwood.Checkpoint{}, fmt.Errorf("%d signatures verified, %d not", len(opened.Sigs), len(opened.UnverifiedSigs))
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err == nil && checkpoint.Origin != verifiers[0].Name() {
		err = fmt.Errorf("a checkpoint of %q", checkpoint.Origin)
	}
	return checkpoint, err
}

// reader reads tiles from a folder.
type reader string

func (r reader) Height() int { return torchwood.TileHeight }

func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	list := [][]byte{}
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(r), torchwood.TilePath(tile)))
		if err != nil {
			return nil, err
		}
		list = append(list, data)
	}
	return list, nil
}

// checkEntries holds each entry of each bundle against its hash.
func checkEntries(folder string, size int64, hashes tlog.HashReader) error {
	for n := int64(0); n*256 < size; n++ {
		width := min(256, size-n*256)
		path := torchwood.TilePath(tlog.Tile{H: torchwood.TileHeight, L: -1, N: n, W: int(width)})
		data, err := os.ReadFile(filepath.Join(folder, path))
		if err != nil {
			return err
		}
		indexes := []int64{}
		for i := range width {
			indexes = append(indexes, tlog.StoredHashIndex(0, n*256+i))
		}
		expected, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i := range width {
			entry, rest, err := torchwood.ReadTileEntry(data)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if tlog.RecordHash(entry) != expected[i] {
				return fmt.Errorf("entry %d of %s is not that of its hash", i, path)
			}
			data = rest
		}
		if len(data) != 0 {
			return fmt.Errorf("%s has bytes after its last entry", path)
		}
	}
	return nil
}

// checkHeads holds each head's checkpoint against the tree.
func checkHeads(folder string, tree torchwood.Checkpoint, verifiers []note.Verifier, hashes tlog.HashReader) (int, error) {
	file, err := os.Open(filepath.Join(folder, "chain_head.log"))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	count := 0
	for lines.Scan() {
		var head struct{ Checkpoint string }
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			return 0, err
		}
		if head.Checkpoint == "" {
			continue
		}
		count++
		older, err := open(head.Checkpoint, verifiers)
		if err != nil {
			return 0, fmt.Errorf("head %d: %w", count, err)
		}
		proof, err := tlog.ProveTree(tree.N, older.N, hashes)
		if err == nil {
			err = tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash)
		}
		if err != nil {
			return 0, fmt.Errorf("head %d is not consistent with the checkpoint: %w", count, err)
		}
	}
	return count, lines.Err()
}

// checkProof verifies a tlog-proof, and holds it against the one that follows from the tiles.
func checkProof(path string, tree torchwood.Checkpoint, verifiers []note.Verifier, hashes tlog.HashReader) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var p proof.TLogProof
	if err := p.Unmarshal(data); err != nil {
		return err
	}
	if !bytes.Equal(p.Marshal(), data) {
		return errors.New("written again it is another text")
	}
	signed, err := open(string(p.Checkpoint), verifiers)
	if err != nil {
		return err
	}
	record := tlog.RecordProof{}
	for _, hash := range p.Hashes {
		record = append(record, hash)
	}
	if err := tlog.CheckRecord(record, signed.N, signed.Hash, int64(p.Index), tlog.RecordHash(p.ExtraData)); err != nil {
		return err
	}
	own, err := tlog.ProveRecord(tree.N, int64(p.Index), hashes)
	if err != nil {
		return err
	}
	for i := range own {
		if signed.N == tree.N && own[i] != record[i] {
			return fmt.Errorf("hash %d is %s, expected %s", i, base64.StdEncoding.EncodeToString(record[i][:]), own[i])
		}
	}
	return nil
}
