module github.com/multiselect/multiselect/internal/suite

go 1.26.0

require github.com/multiselect/multiselect v0.0.0

replace github.com/multiselect/multiselect => ../..
