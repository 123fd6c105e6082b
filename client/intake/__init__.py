"""From a hospital's DICOM files and spreadsheet to the images and the table of a site folder."""
