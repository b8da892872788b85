package libp2p

import (
	"encoding/json"
	"math"
	"os/exec"
	"testing"
)

// A lazy stream in a host starts as many goroutines as one without a negotiation, and takes at
// most 46 allocations of both hosts. Every stream sends 34 bytes less than with go-multistream: a
// frame of yamux, 12 bytes, in a record of TLS, 22 bytes.
func TestCounts(t *testing.T) {
	b, err := Build(".", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	theirs, ours := measured(t, b.Original), measured(t, b.Ours)
	for _, kind := range []string{"lazy", "eager", "third"} {
		if saved := theirs[kind+" bytes"] - ours[kind+" bytes"]; math.Abs(saved-34) > 1 {
			t.Errorf("%s: a stream sends %.1f bytes, %.1f with go-multistream", kind, ours[kind+" bytes"], theirs[kind+" bytes"])
		}
	}
	if started, raw := ours["lazy goroutines"], ours["raw goroutines"]; math.Abs(started-raw) > 0.1 {
		t.Errorf("a lazy stream starts %.2f goroutines, one without a negotiation %.2f", started, raw)
	}
	if n := ours["lazy allocations"]; n > 46 {
		t.Errorf("a lazy stream takes %.1f allocations", n)
	}
	t.Logf("lazy: %.1f allocations, %.1f bytes, %.2f goroutines; with go-multistream %.1f, %.1f, %.2f",
		ours["lazy allocations"], ours["lazy bytes"], ours["lazy goroutines"],
		theirs["lazy allocations"], theirs["lazy bytes"], theirs["lazy goroutines"])
}

// measured returns the figures that a binary prints, which count bytes on Linux only.
func measured(t *testing.T, binary string) (figures map[string]float64) {
	t.Helper()
	out, err := exec.Command(binary, "measure", "tcp").Output()
	if err == nil {
		err = json.Unmarshal(out, &figures)
	}
	if err != nil {
		t.Fatal(err)
	}
	if figures["raw bytes"] == 0 {
		t.Skip("this system does not count the bytes of a process; Linux does, in .ci/run")
	}
	return figures
}
