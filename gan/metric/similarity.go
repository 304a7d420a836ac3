package metric

import (
	"fmt"
	"math"

	"gantry.local/gan/sample"
)

// valueRange is the length of [-1, 1], what images can differ by at most.
const valueRange = 2

// PSNR returns the peak signal-to-noise ratio of each pair of images in [-1, 1], in decibels: 10·log₁₀(2²/MSE), +Inf for
// equal images. About 20 is poor and 40 very good.
func PSNR(a, b sample.Images) ([]float64, error) {
	a, b, err := alike(a, b)
	if err != nil {
		return nil, err
	}
	x, y := vectors(a), vectors(b)
	out := make([]float64, a.N)
	for i := range out {
		out[i] = 10 * math.Log10(valueRange*valueRange*float64(x.D)/squaredDistance(x.Row(i), y.Row(i)))
	}
	return out, nil
}

// ssimWindow is the side of SSIM's Gaussian window.
const ssimWindow = 11

// SSIM returns the structural similarity of each pair of images in [-1, 1], of at least 11×11: 1 for equal images, near
// 0 for unrelated ones, below 0 where one is dark as the other is light. It is the mean over channels and all places of
// an 11×11 Gaussian window (σ 1.5) that fits into the image, with the constants K₁ 0.01 and K₂ 0.03.
//
// Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: From error visibility to structural similarity", 2004.
func SSIM(a, b sample.Images) ([]float64, error) {
	a, b, err := alike(a, b)
	if err != nil {
		return nil, err
	}
	if a.Height < ssimWindow || a.Width < ssimWindow {
		return nil, fmt.Errorf("SSIM needs images of at least %d×%d, not %d×%d", ssimWindow, ssimWindow, a.Height, a.Width)
	}
	const c1, c2 = (0.01 * valueRange) * (0.01 * valueRange), (0.03 * valueRange) * (0.03 * valueRange)
	out := make([]float64, a.N)
	x, y := channelsApart(a), channelsApart(b)
	eachRow(a.N, func(i int) {
		for channel := range a.Channels {
			u, v := plane(x, i*a.Channels+channel), plane(y, i*a.Channels+channel)
			meanU, meanV := blur(u, a.Height, a.Width), blur(v, a.Height, a.Width)
			squareU, squareV := blur(product(u, u), a.Height, a.Width), blur(product(v, v), a.Height, a.Width)
			both := blur(product(u, v), a.Height, a.Width)
			for k, mu := range meanU {
				mv := meanV[k]
				varU, varV, covariance := squareU[k]-mu*mu, squareV[k]-mv*mv, both[k]-mu*mv
				out[i] += (2*mu*mv + c1) * (2*covariance + c2) / ((mu*mu + mv*mv + c1) * (varU + varV + c2)) /
					float64(len(meanU)*a.Channels)
			}
		}
	})
	return out, nil
}

// alike returns two sets of samples as the networks see them, and an error unless they can be compared in pairs.
func alike(a, b sample.Images) (sample.Images, sample.Images, error) {
	a, err := seen(a)
	if err != nil {
		return a, b, err
	}
	if b, err = seen(b); err != nil {
		return a, b, err
	}
	if a.N != b.N || a.Height != b.Height || a.Width != b.Width || a.Channels != b.Channels {
		return a, b, fmt.Errorf("cannot compare %d images of %d×%d×%d with %d of %d×%d×%d in pairs", a.N, a.Height, a.Width, a.Channels,
			b.N, b.Height, b.Width, b.Channels)
	}
	return a, b, nil
}

// plane returns image i, of one channel, as float64.
func plane(images sample.Images, i int) []float64 {
	out := make([]float64, images.Height*images.Width)
	for k := range out {
		out[k] = float64(images.Values[i*len(out)+k])
	}
	return out
}

func product(u, v []float64) []float64 {
	out := make([]float64, len(u))
	for i := range out {
		out[i] = u[i] * v[i]
	}
	return out
}

// blur averages an image by SSIM's window, along the rows and then along the columns, where the window fits:
// [height, width] to [height-10, width-10].
func blur(x []float64, height, width int) []float64 {
	var window [ssimWindow]float64
	sum := 0.0
	for i := range window {
		window[i] = math.Exp(-float64((i-ssimWindow/2)*(i-ssimWindow/2)) / (2 * 1.5 * 1.5))
		sum += window[i]
	}
	narrow := width - ssimWindow + 1
	rows := make([]float64, height*narrow)
	for row := range height {
		for column := range narrow {
			for i, weight := range window {
				rows[row*narrow+column] += weight / sum * x[row*width+column+i]
			}
		}
	}
	out := make([]float64, (height-ssimWindow+1)*narrow)
	for k := range out {
		for i, weight := range window {
			out[k] += weight / sum * rows[k+i*narrow]
		}
	}
	return out
}
