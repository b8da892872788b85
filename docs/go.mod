// This folder has no Go files: its go.mod keeps it out of the archive of the root module.
module github.com/multiselect/multiselect/docs

go 1.26.0
