package differential_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/multiselect/multiselect"
)

// A comparison that notices nothing would pass, too. So small differences are planted
// between the library and the stream, on the general loop, and each of them must be
// noticed in each plan in which it occurs.

// planted is a stream with a difference.
type planted struct {
	*scripted
	read   func(p []byte) (int, error)
	write  func(p []byte) (int, error)
	close  func() error
	occurs bool
}

func (d *planted) Read(p []byte) (int, error)  { return d.read(p) }
func (d *planted) Write(p []byte) (int, error) { return d.write(p) }
func (d *planted) Close() error                { return d.close() }

// plants are the differences. Each changes the first call of its kind to which it is
// possible.
var plants = []struct {
	name  string
	plant func(*planted)
}{
	{"a bit of a Write", func(d *planted) {
		d.write = func(p []byte) (int, error) {
			if !d.occurs && len(d.plan.faults) == 0 {
				d.occurs = true
				p = bytes.Clone(p)
				p[len(p)-1] ^= 1
			}
			return d.scripted.Write(p)
		}
	}},
	{"a Write in two parts", func(d *planted) {
		d.write = func(p []byte) (int, error) {
			if d.occurs || len(d.plan.faults) > 0 {
				return d.scripted.Write(p)
			}
			d.occurs = true
			d.scripted.Write(p[:1])
			n, err := d.scripted.Write(p[1:])
			return n + 1, err
		}
	}},
	{"the size of a Read", func(d *planted) {
		d.read = func(p []byte) (int, error) {
			if !d.occurs && len(p) > 1 {
				d.occurs = true
				p = p[:len(p)-1]
			}
			return d.scripted.Read(p)
		}
	}},
	{"the error of a Read", func(d *planted) {
		d.read = func(p []byte) (int, error) {
			n, err := d.scripted.Read(p)
			if n == 0 && err != nil && d.plan.role == multiselect.Initiator { // a responder's error may leave it out (R18)
				d.occurs = true
				err = errors.Join(err, errPlanted)
			}
			return n, err
		}
	}},
	{"a second Close", func(d *planted) {
		d.close = func() error {
			d.occurs = true
			d.scripted.Close()
			return d.scripted.Close()
		}
	}},
	{"a missing Close", func(d *planted) {
		d.close = func() error {
			d.occurs = true
			return nil
		}
	}},
}

var errPlanted = errors.New("planted")

func TestPlantedDifferences(t *testing.T) {
	const plans = 3000
	for _, planting := range plants {
		t.Run(planting.name, func(t *testing.T) {
			occurred := 0
			for seed := range uint64(plans) {
				p := newPlan(seeded(seed))
				p.kind = bare
				if !p.isBuffered() || p.ending.how > couldEnd {
					continue // the stream is also used by other goroutines, or hardly at all
				}
				d := new(planted)
				want := play(p, traced, nil)
				got := play(p, traced, func(s *scripted) io.ReadWriteCloser {
					*d = planted{scripted: s, read: s.Read, write: s.Write, close: s.Close}
					planting.plant(d)
					return d
				})
				if !d.occurs {
					continue
				}
				occurred++
				if len(differences(got, want)) == 0 {
					t.Errorf("%s=%d: the comparison notices nothing:\n%s", seedEnv, seed, p)
				}
			}
			if occurred < plans/50 {
				t.Errorf("the difference occurred in %d plans of %d", occurred, plans)
			}
		})
	}
}
