package draw

import (
	"math"
	"strconv"
)

// Axis is a direction of a chart. Values beyond its ends are drawn at the nearer end. On a
// logarithmic axis both ends must be above zero.
type Axis struct {
	Label    string
	From, To float64
	Log      bool
	Ticks    []Tick
}

// Tick is a value with a grid line and a text at the axis.
type Tick struct {
	At   float64
	Text string
}

// Ticks returns an axis that ends at the first and the last of the values.
func Ticks(label string, values ...float64) Axis {
	a := Axis{Label: label, From: values[0], To: values[len(values)-1]}
	a.add(values, Number)
	return a
}

// Linear returns an axis from zero to at least the highest value, with ticks at about five
// round values.
func Linear(label string, highest float64, text func(float64) string) Axis {
	if highest <= 0 {
		highest = 1
	}
	step := roundStep(highest / 5)
	count := int(math.Ceil(highest/step - 1e-6))
	a := Axis{Label: label, To: float64(count) * step}
	for i := range count + 1 {
		a.add([]float64{float64(i) * step}, text)
	}
	return a
}

// Decades returns a logarithmic axis of the powers of ten around the lowest and the highest
// value, at least one decade long. The lowest value must be above zero.
func Decades(label string, lowest, highest float64, text func(float64) string) Axis {
	first, last := math.Floor(math.Log10(lowest)), math.Ceil(math.Log10(highest))
	last = max(last, first+1)
	a := Axis{Label: label, From: math.Pow(10, first), To: math.Pow(10, last), Log: true}
	for power := first; power <= last; power++ {
		a.add([]float64{math.Pow(10, power)}, text)
	}
	return a
}

// Number formats a value without an exponent and without digits that rounding added.
func Number(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

func (a *Axis) add(values []float64, text func(float64) string) {
	for _, v := range values {
		a.Ticks = append(a.Ticks, Tick{v, text(v)})
	}
}

// place returns the coordinate of a value, if the ends of the axis are drawn at from and to.
func (a Axis) place(v, from, to float64) float64 {
	low, high := a.From, a.To
	v = min(max(v, low), high)
	if a.Log {
		low, high, v = math.Log(low), math.Log(high), math.Log(v)
	}
	if low == high {
		return from
	}
	return from + (v-low)/(high-low)*(to-from)
}

// roundStep returns the smallest of 1, 2 and 5 times a power of ten that is large enough.
func roundStep(atLeast float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(atLeast)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= atLeast {
			return m * power
		}
	}
	return 10 * power
}
