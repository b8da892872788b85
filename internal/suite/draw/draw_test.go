package draw_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/draw"
)

var update = flag.Bool("update", false, "write testdata/*.svg")

// linear has one curve in each ink, dots, values beyond the ends of the axes, and a long text
// at the right end.
func linear() draw.Lines {
	c := draw.Lines{
		Title: "Lines & dots",
		X:     draw.Ticks("proposals", 1, 2, 3, 4),
		Y:     draw.Linear("ms", 470, draw.Number),
	}
	c.X.Ticks[3].Text = "4, the last"
	for i, ink := range []draw.Ink{draw.Gray, draw.Blue, draw.Sky, draw.Orange, draw.Green, draw.Purple, draw.Pink} {
		y := float64(100 + 50*i)
		c.Curves = append(c.Curves, draw.Curve{
			Series: draw.Series{Name: string(ink), Ink: ink},
			Points: []draw.Point{{X: 0, Y: y}, {X: 2.5, Y: y - 20}, {X: 4, Y: 3 * y}},
			Dots:   i%2 == 1,
		})
	}
	return c
}

// bare is a chart for a document, with one logarithmic axis.
func bare() draw.Lines {
	seconds := func(v float64) string { return draw.Number(v) + " s" }
	return draw.Lines{
		Title: "Latency", About: `the "slowest"`, Bare: true,
		X:      draw.Linear("", 0.9, seconds),
		Y:      draw.Decades("", 3, 4200, draw.Number),
		Curves: []draw.Curve{{Series: draw.Series{Ink: draw.Blue}, Points: []draw.Point{{X: 0, Y: 5}, {X: 0.45, Y: 4000}, {X: 0.9, Y: 0}}}},
	}
}

func bars() draw.Bars {
	return draw.Bars{
		Title: "a < b", X: "groups", Y: "bytes", Base: 1, Format: "%.1f",
		Series: []draw.Series{{Name: "x", Ink: draw.Gray}, {Name: "y", Ink: draw.Blue}},
		Groups: []draw.Group{{Name: "g", Values: []float64{1, 2}}, {Name: "<h>", Values: []float64{math.NaN(), 4}}},
	}
}

// layers is a picture of elements, in two layers.
func layers() draw.Picture {
	var under, over draw.Layer
	over.Box(10, 10, 60, 20, "mine")
	over.Text(40, 24, draw.Middle, "", "1 < 2")
	over.Printf(`<path d="M%.1f 0v%.1f" class="mine"/>`, 40.0, 40.0)
	under.Line(0, 20, 80, 20, "axis")
	return draw.Picture{
		Width: 80, Height: 40, Title: "Layers", About: "A box\n& a line.",
		Style: ".mine { fill: none; stroke: url(#red) }\n",
		Defs:  `<defs><linearGradient id="red"><stop stop-color="red"/></linearGradient></defs>` + "\n", Layers: []*draw.Layer{&under, &over},
	}
}

// TestGolden compares pictures with those in testdata, which were looked at.
func TestGolden(t *testing.T) {
	for name, got := range map[string]string{
		"lines": linear().Picture().File(), "bars": bars().Picture().File(), "layers": layers().File(),
		"inline": bare().Picture().Inline() + "\n",
	} {
		path := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ReplaceAll(string(want), "\r\n", "\n") != got {
			t.Errorf("%s is not what is drawn: run with -update, and look at the difference", path)
		}
		if strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
			t.Errorf("%s has a coordinate that is not a number", name)
		}
	}
}

// TestWellFormed checks that titles, names and descriptions are text in every picture.
func TestWellFormed(t *testing.T) {
	const evil = `</title><script>"&'`
	c, b, p := linear(), bars(), layers()
	c.Title, c.X.Label, c.Y.Label, c.X.Ticks[0].Text, c.Curves[0].Name = evil, evil, evil, evil, evil
	b.Title, b.X, b.Y, b.Series[0].Name, b.Groups[0].Name, b.Format = evil, evil, evil, evil, evil, "<%.0f"
	p.Title, p.About = evil, evil
	for _, svg := range []string{c.Picture().File(), c.Picture().Inline(), b.Picture().File(), p.File(), p.Inline()} {
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in\n%s", err, svg)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "script" {
				t.Errorf("a title is an element in\n%s", svg)
			}
		}
	}
}

// TestStyle checks that each class of a chart has a rule, and each colour one for dark pages.
func TestStyle(t *testing.T) {
	media := regexp.MustCompile(`(?s)@media.*?\n}\n`)
	light, dark := media.ReplaceAllString(draw.ChartStyle, ""), strings.Join(media.FindAllString(draw.ChartStyle, -1), "")
	for _, class := range regexp.MustCompile(`class="([^"]*)"`).FindAllStringSubmatch(linear().Picture().File()+bars().Picture().File(), -1) {
		for name := range strings.FieldsSeq(class[1]) {
			if !strings.Contains(light, "."+name+" ") {
				t.Errorf("the class %s has no rule", name)
			}
		}
	}
	for _, ink := range linear().Curves {
		if !strings.Contains(dark, "."+string(ink.Ink)+" { color: #") {
			t.Errorf("%s has no colour on a dark page", ink.Ink)
		}
	}
}

func TestAxes(t *testing.T) {
	for _, tc := range []struct {
		axis     draw.Axis
		from, to float64
		ticks    string
	}{
		{draw.Ticks("", 0.5, 1, 5000), 0.5, 5000, "0.5 1 5000"},
		{draw.Linear("", 5, draw.Number), 0, 5, "0 1 2 3 4 5"},
		{draw.Linear("", 0.31, draw.Number), 0, 0.4, "0 0.1 0.2 0.3 0.4"},
		{draw.Linear("", 2400, draw.Number), 0, 2500, "0 500 1000 1500 2000 2500"},
		{draw.Linear("", math.Nextafter(0.3, 1), draw.Number), 0, 0.3, "0 0.1 0.2 0.3"},
		{draw.Linear("", 0, draw.Number), 0, 1, "0 0.2 0.4 0.6 0.8 1"},
		{draw.Decades("", 7, 1300, draw.Number), 1, 10000, "1 10 100 1000 10000"},
		{draw.Decades("", 10, 10, draw.Number), 10, 100, "10 100"},
		{draw.Decades("", 0.02, 0.5, draw.Number), 0.01, 1, "0.01 0.1 1"},
	} {
		var texts []string
		for _, tick := range tc.axis.Ticks {
			texts = append(texts, tick.Text)
		}
		if got := strings.Join(texts, " "); got != tc.ticks {
			t.Errorf("the ticks are %s, want %s", got, tc.ticks)
		}
		if math.Abs(tc.axis.From-tc.from) > 1e-9 || math.Abs(tc.axis.To-tc.to) > 1e-9 {
			t.Errorf("the axis is from %v to %v, want %v to %v", tc.axis.From, tc.axis.To, tc.from, tc.to)
		}
	}
}

// TestPlaces checks the scales of both axes, at their ends, in their middle and beyond.
func TestPlaces(t *testing.T) {
	c := draw.Lines{
		Bare: true, X: draw.Ticks("", 0, 10), Y: draw.Decades("", 1, 100, draw.Number),
		Curves: []draw.Curve{{Points: points(0, 1, 5, 10, 10, 100, 11, 1000, -1, 0)}},
	}
	svg := c.Picture().Inline()
	_, pairs, _ := strings.Cut(svg, `<polyline points="`)
	pairs, _, _ = strings.Cut(pairs, `"`)
	var got []draw.Point
	for pair := range strings.FieldsSeq(pairs) {
		var p draw.Point
		if _, err := fmt.Sscanf(pair, "%f,%f", &p.X, &p.Y); err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	want := points(64, 266, 345, 139, 626, 12, 626, 12, 64, 266)
	if !slices.Equal(got, want) {
		t.Errorf("the points are at %v, want %v", got, want)
	}
}

// points returns points by their coordinates in turns.
func points(xy ...float64) (points []draw.Point) {
	for i := 0; i < len(xy); i += 2 {
		points = append(points, draw.Point{X: xy[i], Y: xy[i+1]})
	}
	return points
}
