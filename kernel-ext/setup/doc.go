// Package setup installs everything the project runs on, inside the checkout, and examines it by using it.
//
// Reading order: setup.go (the stages and when one is due), python.go, tools.go, kernelspec.go and warm.go (a stage
// each), doctor.go (the examination), notebook.go and lab.go (what runs on it), buildcache.go (what an image brings
// compiled). The image's build ends with image-trim; `make release` calls release.
package setup
