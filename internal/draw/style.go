package draw

// ChartStyle has the rules for the classes of charts, for light and dark pages, which an HTML
// document with charts must have.
const ChartStyle = base + charts

// base has the rules for every picture.
const base = `text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.page { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117 }
}
`

// charts has the rules for charts.
const charts = `.axis { stroke: #57606a; stroke-width: 1 }
.grid { stroke: #d0d7de; stroke-width: 1 }
.base { stroke: #57606a; stroke-width: 1; stroke-dasharray: 5 3 }
.line { fill: none; stroke: currentColor; stroke-width: 2.5; stroke-linejoin: round }
.dot { fill: #ffffff; stroke: currentColor; stroke-width: 2 }
.bar { fill: currentColor }
.gray { color: #8c959f }
.blue { color: #0969da }
.sky { color: #54aeff } .line.sky { stroke-dasharray: 4 4 }
.orange { color: #bc4c00 } .line.orange { stroke-dasharray: 7 7 }
.green { color: #1a7f37 } .line.green { stroke-dasharray: 2 3 }
.purple { color: #8250df } .line.purple { stroke-dasharray: 9 3 }
.pink { color: #bf3989 } .line.pink { stroke-dasharray: 12 4 2 4 }
@media (prefers-color-scheme: dark) {
.dot { fill: #0d1117 }
.axis, .base { stroke: #9198a1 }
.grid { stroke: #30363d }
.gray { color: #9198a1 }
.blue { color: #4493f8 }
.sky { color: #1f6feb }
.orange { color: #f0883e }
.green { color: #3fb950 }
.purple { color: #ab7df8 }
.pink { color: #f778ba }
}
`

// Ink is the colour of a series: a class of [ChartStyle]. Lines have dashes that belong to it, too.
type Ink string

const (
	Gray   Ink = "gray"
	Blue   Ink = "blue"
	Sky    Ink = "sky" // a lighter blue: a variant of the blue series
	Orange Ink = "orange"
	Green  Ink = "green"
	Purple Ink = "purple"
	Pink   Ink = "pink"
)

func (i Ink) line() string { return "line " + string(i) }
func (i Ink) dot() string  { return "dot " + string(i) }
func (i Ink) bar() string  { return "bar " + string(i) }
