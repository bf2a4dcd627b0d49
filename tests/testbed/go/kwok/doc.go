// Package kwok holds the module that kwok is built from.
package kwok
