module github.com/multiselect/multiselect

go 1.26.0
