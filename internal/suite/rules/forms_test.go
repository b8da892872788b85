package rules_test

import (
	"slices"
	"testing"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// A verdict on a frame and one on its text agree, for all texts of up to five bytes out
// of those that mean something, and for all short bytes that are no frame.
func TestFormsAgree(t *testing.T) {
	alphabet := []byte("na\n/s\x01\x02\x03\x04\x80")
	proposals := []string{"", "n", "na", "ls", "/", "/a", "an", "nan", "na\n", "/nas", "\x03na\n"}
	var text [5]byte
	for length := range len(text) + 1 {
		for combination := range pow(len(alphabet), length) {
			for i := range length {
				text[i] = alphabet[combination%len(alphabet)]
				combination /= len(alphabet)
			}
			for _, proposed := range proposals {
				checkForms(t, text[:length], proposed)
			}
		}
	}
}

func pow(base, exponent int) int {
	result := 1
	for range exponent {
		result *= base
	}
	return result
}

func checkForms(t *testing.T, b []byte, proposed string) {
	t.Helper()
	// As a text.
	var frame [8]byte
	message := wire.AppendMessage(frame[:0], string(b))
	want := rules.Judge(b, proposed)
	if want == rules.Violated {
		want = rules.Incomplete // left to the codec
	}
	if got := rules.JudgeFrame(message, proposed); got != want {
		t.Errorf("JudgeFrame(%q, %q) = %d, and Judge says %d", message, proposed, got, want)
	}
	// As it is.
	got := rules.JudgeFrame(b, proposed)
	if got == rules.Incomplete {
		return
	}
	text, n, err := wire.ConsumeMessage(b, wire.MaxMessage)
	if err != nil || n != len(b) || rules.Judge(text, proposed) != got {
		t.Errorf("JudgeFrame(%q, %q) = %d, and it is a message of %d bytes, %v", b, proposed, got, n, err)
	}
}

// HasHeader decides as CanBeHeader does when the whole header has arrived.
func TestHeaderFormsAgree(t *testing.T) {
	for _, rest := range []string{"", "\x0b/foo/1.0.0\n"} {
		b := []byte(wire.HeaderFrame + rest)
		if !rules.HasHeader(b) || !rules.CanBeHeader(b) || !rules.IsHeader(string(b[1:len(wire.HeaderFrame)-1])) {
			t.Errorf("the header and %q: not recognized", rest)
		}
		for i := range b {
			for bit := range 8 {
				changed := slices.Clone(b)
				changed[i] ^= 1 << bit
				want := i >= len(wire.HeaderFrame)
				if rules.HasHeader(changed) != want || rules.CanBeHeader(changed) != want {
					t.Errorf("%q: HasHeader %v, CanBeHeader %v", changed, rules.HasHeader(changed), rules.CanBeHeader(changed))
				}
			}
		}
	}
}
