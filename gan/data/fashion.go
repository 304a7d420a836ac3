package data

import "os"

// fashionDir is where Debian's package dataset-fashion-mnist puts the files, unless the environment says otherwise.
func fashionDir() string {
	if dir := os.Getenv("GANTRY_FASHION_MNIST"); dir != "" {
		return dir
	}
	return "/usr/share/datasets/fashion-mnist"
}

// FashionMNIST is the training set of Xiao, Rasul and Vollgraf, "Fashion-MNIST" (2017, arXiv:1708.07747): 60 000
// pictures of clothes, 28×28×1, with labels 0 to 9, harder than MNIST and of the same shape. The files are those of
// Debian's package dataset-fashion-mnist, or of the folder that the environment variable GANTRY_FASHION_MNIST names;
// every load verifies their SHA-256.
func FashionMNIST() Set {
	return of("fashion-mnist", fashion(
		trainImageFile, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
		trainLabelFile, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"))
}

// FashionMNISTTest is Fashion-MNIST's test set, 10 000 other pictures.
func FashionMNISTTest() Set {
	return of("fashion-mnist-test", fashion(
		testImageFile, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
		testLabelFile, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"))
}

func fashion(images, imageSum, labels, labelSum string) archive {
	const install = "install Debian's dataset-fashion-mnist, or set GANTRY_FASHION_MNIST to a folder with the four files"
	return archive{title: "Fashion-MNIST", place: inDebian, images: images, imageSum: imageSum, labels: labels, labelSum: labelSum,
		names: []string{"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
			"ankle boot"},
		missing: install,
		damage:  install,
	}
}
