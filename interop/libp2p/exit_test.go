package libp2p

import (
	"encoding/json"
	"os/exec"
	"testing"
)

// A program that writes a request, closes the stream and then the host delivers about as often as
// with go-multistream; with a Close that does not wait it would be a quarter or less.
// Which requests are cut is a race inside of go-libp2p, so the test prints the numbers and bounds
// them loosely.
func TestExit(t *testing.T) {
	b, err := Build(".", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, roundTrip := range []string{"0s", "5ms", "40ms"} {
		theirs, ours := delivered(t, b.Original, roundTrip), delivered(t, b.Ours, roundTrip)
		t.Logf("round trip %s: of 40 requests %.0f arrive, %.0f with go-multistream", roundTrip, ours, theirs)
		if ours < theirs*3/4 {
			t.Errorf("round trip %s: of 40 requests %.0f arrive, %.0f with go-multistream", roundTrip, ours, theirs)
		}
	}
}

func delivered(t *testing.T, binary, roundTrip string) float64 {
	t.Helper()
	out, err := exec.Command(binary, "exit", roundTrip).Output()
	var figures map[string]float64
	if err == nil {
		err = json.Unmarshal(out, &figures)
	}
	if err != nil {
		t.Fatal(err)
	}
	return figures["whole"]
}
