package main

import (
	_ "embed"
	"strings"
	"text/template"
)

//go:embed scale.md.tmpl
var prose string

// document returns the files of the document by their names in docs.
func document() (map[string]string, error) {
	t, err := template.New("scale.md").Funcs(template.FuncMap{"times": timeTable, "bytes": byteTable, "trips": trips}).Parse(prose)
	if err != nil {
		return nil, err
	}
	var md strings.Builder
	if err := t.Execute(&md, collect()); err != nil {
		return nil, err
	}
	return map[string]string{
		"scale.md":        md.String(),
		"scale/time.svg":  timePlot(),
		"scale/bytes.svg": bytesPlot(),
		"scale/share.svg": sharePlot(successes[1]),
	}, nil
}
