package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type path struct {
	Level int    `json:"level"`
	Index string `json:"index"`
	Width int    `json:"width"`
	Path  string `json:"path"`
}

type tiled struct {
	Size   string   `json:"size"`
	Tiles  []string `json:"tiles"`
	Digest string   `json:"digest"`
}

// tiles returns paths of tiles, and the files of trees of the leaves "leaf 0", "leaf 1" …
func tiles() any {
	paths := []path{}
	for _, level := range []int{-1, 0, 1, 7} {
		for _, index := range []int64{0, 7, 999, 1000, 1234067, 999999999, 1234567890} {
			for _, width := range []int{1, 17, 255, 256} {
				t := tlog.Tile{H: 8, L: level, N: index, W: width}
				paths = append(paths, path{level, fmt.Sprint(index), width, torchwood.TilePath(t)})
			}
		}
	}
	trees := []tiled{}
	t := &tree{}
	leaves := [][]byte{}
	for _, size := range []int64{1, 2, 255, 256, 257, 512, 1042, 65536, 65793} {
		for i := int64(len(leaves)); i < size; i++ {
			leaf := fmt.Appendf(nil, "leaf %d", i)
			hashes, err := tlog.StoredHashes(i, leaf, t)
			check(err)
			t.hashes = append(t.hashes, hashes...)
			leaves = append(leaves, leaf)
		}
		trees = append(trees, tiled{fmt.Sprint(size), []string{}, ""})
		of := &trees[len(trees)-1]
		sums := []string{}
		add := func(tile tlog.Tile, data []byte) {
			name := torchwood.TilePath(tile)
			of.Tiles = append(of.Tiles, name)
			sums = append(sums, fmt.Sprintf("%s %x\n", name, sha256.Sum256(data)))
		}
		for _, tile := range tlog.NewTiles(8, 0, size) {
			data, err := tlog.ReadTileData(tile, t)
			check(err)
			add(tile, data)
			if tile.L != 0 {
				continue
			}
			bundle := []byte{}
			for i := tile.N * 256; i < tile.N*256+int64(tile.W); i++ {
				bundle, err = torchwood.AppendTileEntry(bundle, leaves[i])
				check(err)
			}
			tile.L = -1
			add(tile, bundle)
		}
		slices.Sort(of.Tiles)
		slices.Sort(sums)
		sum := sha256.Sum256([]byte(strings.Join(sums, "")))
		of.Digest = hex.EncodeToString(sum[:])
	}
	return map[string]any{
		"about": "filippo.io/torchwood's TilePath (level -1: entries); trees of the leaves \"leaf 0\", \"leaf 1\" … by sumdb/tlog: the paths of their files, and SHA-256 of the sorted lines \"PATH SHA-256-of-content\"",
		"paths": paths,
		"trees": trees,
	}
}

type proofCase struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Pk   string `json:"pk"`
	Seq  int64  `json:"seq"`
	Text string `json:"text"`
}

// tlogProofs returns a proof of each link in links.json in the tree of all of them.
func tlogProofs(path string, keys []key, signers map[string]note.Signer) any {
	data, err := os.ReadFile(path)
	check(err)
	var chain struct {
		Links []struct {
			Kind string `json:"event_kind"`
			Pk   string `json:"event_pk"`
			Leaf string `json:"leaf"`
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
	size := int64(len(chain.Links))
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, treeHash(size, t))
	checkpoint := sign(text, 1777381200, signers, origin, origin+"/timestamp", "witness.example/w1")
	proofOf := func(i int64) proof.TLogProof {
		hashes, err := tlog.ProveRecord(size, i, t)
		check(err)
		p := proof.TLogProof{Index: uint64(i), Checkpoint: []byte(checkpoint), ExtraData: []byte(chain.Links[i].Leaf)}
		for _, hash := range hashes {
			p.Hashes = append(p.Hashes, hash)
		}
		return p
	}
	list := []proofCase{}
	for i := range size {
		p := proofOf(i)
		link := chain.Links[i]
		list = append(list, proofCase{fmt.Sprintf("seq-%d", i+1), link.Kind, link.Pk, i + 1, string(p.Marshal())})
	}
	return map[string]any{
		"about":  "tlog-proofs of the chain in links.json, with the leaf as extra data: transparency-dev/formats, sumdb/tlog and note; the keys are those of heads.json",
		"proofs": list,
	}
}
