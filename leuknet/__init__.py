"""The LeukNet study companion: a thin package called by the notebooks.

Not a medical device. Reference: Vogado et al., "Diagnosis of Leukaemia in Blood Slides Based on a
Fine-Tuned and Highly Generalisable Deep Learning Model", Sensors 2021, 21, 2989.
"""

__version__ = "0.2.0"
