// Package browser opens the page of package conform/report in a browser: Debian's chromium, or
// the program that CHROMIUM names. Without one the tests are skipped, and fail where CI is
// set; interop/check and .ci/run run them. The package requires the standard library only.
package browser
