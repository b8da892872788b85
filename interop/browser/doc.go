// Package browser looks at the page of package conform/report with a browser:
// Debian's chromium, or what CHROMIUM names. Without one the tests are skipped,
// and fail where CI is set.
package browser
