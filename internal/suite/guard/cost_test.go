package guard_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// This file measures the cost of the guard: the share of first requests that may be sent
// whole before the answer. The test logs the table that docs/protocol.md shows.

// requests generates first requests of clients.
type requests struct{ generator }

// size returns a size between from and to, equally likely in each doubling.
func (r requests) size(from, to float64) int {
	return int(from * math.Pow(to/from, r.Float64()))
}

func (r requests) random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func (r requests) word(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz0123456789-_./"[r.IntN(40)]
	}
	return string(b)
}

// fields encodes about n bytes of protobuf fields: numbers, words, keys and nested
// messages.
func (r requests) fields(n int) (b []byte) {
	for len(b) < n {
		field := uint64(1 + r.IntN(6))
		if r.IntN(3) == 0 {
			b = binary.AppendUvarint(b, field<<3)
			b = binary.AppendUvarint(b, r.Uint64()>>r.IntN(64))
			continue
		}
		value := []byte(r.word(1 + r.IntN(40)))
		switch rest := n - len(b); {
		case r.IntN(3) == 0:
			value = r.random(32)
		case r.IntN(4) == 0 && rest > 40:
			value = r.fields(rest / 2)
		case rest > 400:
			value = r.random(rest / 2)
		}
		b = append(binary.AppendUvarint(b, field<<3|2), binary.AppendUvarint(nil, uint64(len(value)))...)
		b = append(b, value...)
	}
	return b
}

func (r requests) http(method string, body int) []byte {
	request, err := http.NewRequest(method, "http://"+r.word(5+r.IntN(20))+".example/"+r.word(r.IntN(60)), bytes.NewReader(r.random(body)))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	request.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101")
	for range r.IntN(6) {
		request.Header.Set("X-"+strings.Trim(r.word(3+r.IntN(10)), "./"), r.word(1+r.IntN(80)))
	}
	var b bytes.Buffer
	if err := request.Write(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (r requests) jsonLine(n int) []byte {
	line, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": r.IntN(1e6), "method": r.word(4 + r.IntN(12)), "params": []any{r.word(n), r.Float64()},
	})
	if err != nil {
		panic(err)
	}
	return append(line, '\n')
}

func delimited(body []byte) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(body))), body...)
}

func prefixed(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

var costs = []struct {
	name     string
	request  func(r requests) []byte
	from, to float64 // bounds of the share that is sent whole, in percent
}{
	{"delimited protobuf", func(r requests) []byte { return delimited(r.fields(r.size(8, 16384))) }, 99, 100},
	{"delimited protobuf, two messages", func(r requests) []byte {
		return append(delimited(r.fields(r.size(8, 16384))), delimited(r.fields(r.size(8, 16384)))...)
	}, 99, 100},
	{"delimited random bytes", func(r requests) []byte { return delimited(r.random(r.size(8, 16384))) }, 98.5, 99.7},
	{"u32 prefix, protobuf below 128 bytes", func(r requests) []byte { body := r.fields(r.size(8, 128)); return prefixed(body[:min(len(body), 127)]) }, 99, 100},
	{"u32 prefix, random, 8 to 127 bytes", func(r requests) []byte { return prefixed(r.random(r.size(8, 128))) }, 98.5, 99.7},
	{"u32 prefix, random, 128 to 255 bytes", func(r requests) []byte { return prefixed(r.random(r.size(128, 256))) }, 85, 97},
	{"u32 prefix, random, 256 to 16384 bytes", func(r requests) []byte { return prefixed(r.random(r.size(256, 16384))) }, 70, 97},
	{"u32 prefix, protobuf, 256 to 16384 bytes", func(r requests) []byte { return prefixed(r.fields(r.size(256, 16384))) }, 50, 97},
	{"HTTP/1.1 GET", func(r requests) []byte { return r.http("GET", 0) }, 50, 97},
	{"HTTP/1.1 POST", func(r requests) []byte { return r.http("POST", r.size(8, 4096)) }, 50, 97},
	{"JSON line below 124 bytes", func(r requests) []byte { return r.jsonLine(r.size(1, 20)) }, 99, 100},
	{"JSON line, 150 to 4096 bytes", func(r requests) []byte { return r.jsonLine(r.size(100, 4000)) }, 50, 97},
}

// TestGuardCost holds the share of each kind of request within its bounds.
func TestGuardCost(t *testing.T) {
	const rounds = numScenarios / 10
	oneMessage := clauses{lengthBytes: 4, oneMessage: true}
	var table strings.Builder
	for _, cost := range costs {
		r := requests{generator{rand.New(rand.NewPCG(7, 7))}}
		whole, wholeOfOne, bytes := 0, 0, 0
		for range rounds {
			request := cost.request(r)
			bytes += len(request)
			if _, ok := start.After(request); ok {
				whole++
			}
			if oneMessage.admits(request) {
				wholeOfOne++
			}
		}
		percent := 100 * float64(whole) / rounds
		fmt.Fprintf(&table, "%-42s %6d bytes  %6.2f %%  one message only %6.2f %%\n", cost.name, bytes/rounds, percent, 100*float64(wholeOfOne)/rounds)
		if percent < cost.from || percent > cost.to {
			t.Errorf("%s: %.2f %% are sent whole, want %v to %v", cost.name, percent, cost.from, cost.to)
		}
	}
	t.Logf("first requests that are sent whole:\n%s", &table)
}
