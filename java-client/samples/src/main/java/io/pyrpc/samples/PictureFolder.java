package io.pyrpc.samples;

import io.pyrpc.NdArray;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/**
 * Grey pictures of one size in a folder for each class: {@code folder/7/0042.png} shows a seven.
 *
 * @param images uint8[n, height, width], in the order of the file names; 0 is black
 * @param labels int64[n], the names of the folders
 */
record PictureFolder(NdArray images, NdArray labels) {
    private record Picture(Path path, long label) {}

    /** Read all PNG and JPEG files of the folder's folders. */
    static PictureFolder read(Path folder) throws IOException {
        List<Picture> pictures = new ArrayList<>();
        for (Path inner : list(folder)) {
            if (Files.isDirectory(inner)) {
                long label = Long.parseLong(inner.getFileName().toString());
                list(inner).stream()
                        .filter(PictureFolder::isPicture)
                        .forEach(path -> pictures.add(new Picture(path, label)));
            }
        }
        if (pictures.isEmpty()) {
            throw new IOException(folder + " has no pictures: expected files such as " + folder.resolve("7/0042.png"));
        }
        pictures.sort(Comparator.comparing(picture -> picture.path.getFileName().toString()));
        return read(pictures);
    }

    private static PictureFolder read(List<Picture> pictures) throws IOException {
        BufferedImage first = image(pictures.get(0).path);
        int height = first.getHeight();
        int width = first.getWidth();
        byte[] pixels = new byte[Math.multiplyExact(pictures.size(), height * width)];
        long[] labels = new long[pictures.size()];
        for (int row = 0; row < labels.length; row++) {
            Path path = pictures.get(row).path;
            BufferedImage image = image(path);
            if (image.getHeight() != height || image.getWidth() != width) {
                throw new IOException(path + " is " + image.getWidth() + " x " + image.getHeight()
                        + " pixels: expected " + width + " x " + height + ", as the others");
            }
            putGrey(image, pixels, row * height * width);
            labels[row] = pictures.get(row).label;
        }
        return new PictureFolder(NdArray.ofUnsigned(pixels, labels.length, height, width), NdArray.of(labels));
    }

    private static void putGrey(BufferedImage image, byte[] pixels, int offset) {
        Raster raster = image.getRaster();
        int at = offset;
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                pixels[at++] = (byte) raster.getSample(x, y, 0);
            }
        }
    }

    private static BufferedImage image(Path path) throws IOException {
        BufferedImage image = ImageIO.read(path.toFile());
        if (image == null) {
            throw new IOException(path + " cannot be read as a picture");
        }
        return image;
    }

    private static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> paths = Files.list(folder)) {
            return paths.toList();
        }
    }

    private static boolean isPicture(Path path) {
        String name = path.getFileName().toString().toLowerCase(Locale.ROOT);
        return name.endsWith(".png") || name.endsWith(".jpg") || name.endsWith(".jpeg");
    }
}
