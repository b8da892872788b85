package differential_test

import "math/rand/v2"

// choices decides what a plan is: pseudo-random numbers from a seed, or the input of a
// fuzzer. The choice 0 is always the usual one, so that a fuzzer that runs out of
// input chooses nothing unusual.
type choices struct {
	random *rand.Rand // nil: data decides
	data   []byte
}

func seeded(seed uint64) *choices {
	return &choices{random: rand.New(rand.NewPCG(seed, 0x6d756c7469))}
}

// below returns a number from 0 to n-1.
func (c *choices) below(n int) int {
	switch {
	case c.random != nil:
		return c.random.IntN(n)
	case len(c.data) == 0:
		return 0
	case n <= 256 || len(c.data) == 1:
		v := int(c.data[0])
		c.data = c.data[1:]
		return v % n
	}
	v := int(c.data[0]) | int(c.data[1])<<8
	c.data = c.data[2:]
	return v % n
}

// oneIn reports whether something happens that happens once in n times.
func (c *choices) oneIn(n int) bool { return c.below(n) == n-1 }

// between returns a number from low to high.
func (c *choices) between(low, high int) int { return low + c.below(high-low+1) }

// pick returns one of the values.
func pick[T any](c *choices, values []T) T { return values[c.below(len(values))] }
