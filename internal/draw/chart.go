package draw

import "strings"

// Series is a named sequence of values with one ink.
type Series struct {
	Name string
	Ink  Ink
}

// Curve is a series of points, connected in their order.
type Curve struct {
	Series
	Points []Point // in the units of the axes
	Dots   bool    // marks each point, where the values between them have no meaning
}

// Lines is a chart of curves over two axes.
type Lines struct {
	Title, About string
	X, Y         Axis
	Curves       []Curve
	Bare         bool // without title and legend, which the document has outside of the picture
}

// Picture draws the chart.
func (c Lines) Picture() Picture {
	f := newFrame(c.Bare)
	f.vertical(c.Y)
	for _, t := range c.X.Ticks {
		x := c.X.place(t.At, f.left, f.right)
		f.Line(x, f.top, x, f.bottom, "grid")
		f.Text(min(x, f.width-textWidth(t.Text)/2), f.bottom+18, Middle, "", t.Text)
	}
	f.axes(c.X.Label, c.Y.Label)
	for _, curve := range c.Curves {
		f.curve(c, curve)
	}
	if !c.Bare {
		f.head(c.Title)
		x := headLeft
		for _, curve := range c.Curves {
			f.Polyline([]Point{{x, 42}, {x + 28, 42}}, curve.Ink.line())
			x = f.entry(x+34, curve.Name)
		}
	}
	return f.picture(c.Title, c.About)
}

func (f *frame) curve(c Lines, curve Curve) {
	points := make([]Point, len(curve.Points))
	for i, p := range curve.Points {
		points[i] = Point{c.X.place(p.X, f.left, f.right), c.Y.place(p.Y, f.bottom, f.top)}
	}
	f.Polyline(points, curve.Ink.line())
	if curve.Dots {
		for _, p := range points {
			f.Dot(p, curve.Ink.dot())
		}
	}
}

// headLeft is the left end of title and legend.
const headLeft = 16.0

// frame is a chart under construction: a layer, and the place of the plot in it.
type frame struct {
	Layer
	width, height            float64
	left, right, top, bottom float64
}

// newFrame returns a frame for a plot with a title, a legend and labels at both axes, or for a
// bare one, which has labels at its ticks only and is smaller, as its text is scaled with it.
func newFrame(bare bool) *frame {
	if bare {
		return &frame{width: 640, height: 300, left: 64, right: 626, top: 12, bottom: 266}
	}
	return &frame{width: 820, height: 400, left: 92, right: 800, top: 66, bottom: 340}
}

// vertical draws the grid and the ticks of the vertical axis.
func (f *frame) vertical(y Axis) {
	for _, t := range y.Ticks {
		at := y.place(t.At, f.bottom, f.top)
		f.Line(f.left, at, f.right, at, "grid")
		f.Text(f.left-6, at+4, End, "", t.Text)
	}
}

// axes draws both axes, and their labels unless they are empty.
func (f *frame) axes(x, y string) {
	f.Line(f.left, f.bottom, f.right, f.bottom, "axis")
	f.Line(f.left, f.top, f.left, f.bottom, "axis")
	if x != "" {
		f.Text((f.left+f.right)/2, f.bottom+42, Middle, "", x)
	}
	if y != "" {
		f.TextUpwards(18, (f.top+f.bottom)/2, y)
	}
}

func (f *frame) head(title string) { f.Text(headLeft, 24, Start, "title", title) }

// entry writes a name of the legend, and returns the place of the next key.
func (f *frame) entry(x float64, name string) float64 {
	f.Text(x, 46, Start, "", name)
	return x + textWidth(name) + 16
}

func (f *frame) picture(title, about string) Picture {
	return Picture{Width: f.width, Height: f.height, Title: title, About: about, Style: charts, Layers: []*Layer{&f.Layer}}
}

// textWidth estimates the width of a text of 12 pixels.
func textWidth(s string) (sum float64) {
	for _, r := range s {
		switch {
		case strings.ContainsRune("fijlrt ,", r):
			sum += 4.6
		case strings.ContainsRune("mw", r):
			sum += 11
		default:
			sum += 7.4
		}
	}
	return sum
}
