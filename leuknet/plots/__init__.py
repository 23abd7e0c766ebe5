"""Figures, tables and widgets of the pages, one function each, in one visual language.

A name is imported from its module when it is first used, so ``from leuknet import plots`` loads neither Matplotlib nor
anything of the rooms below.
"""

from importlib import import_module

_NAMES = {
    "data.augmentation": "augmented colour_table fill one_at_a_time one_each policy_table shear_units warp_check",
    "data.copies": "twenty_times twenty_times_sentence twenty_times_view",
    "data.dataset_shift": "with_real clue_sentence colour_statistics label_clues label_levels native_sizes "
    "probe_levels probe_sources probe_table source_confusion",
    "data.leakage": "marked_table pair_counts pair_pictures pair_sentence pair_table shortcut_levels "
    "shortcut_sentence shortcut_table",
    "data.splits": "possible_splits split_map",
    "data.survey": "cell_kinds cells_and_masks class_balance class_counts contact_sheet first_look "
    "published_counts smears table_1",
    "interactive.explorers": "browse_card embedding_card outcomes run_card run_names split_card",
    "interactive.hover": "hover_plane",
    "interactive.variant": "slider_words sliders variant_card",
    "interactive.widgets": "browser embedding slide upload",
    "interpretation.activation_maps": "filter_heat_maps map_card map_examples map_sheet nuclei_verdict "
    "nucleus_gaps percent_shares region_ratios removal_view worst_maps",
    "interpretation.feature_space": "calls_table class_and_source decision_regions image_map "
    "neighbour_sentence neighbour_table separability table10",
    "interpretation.prediction": "distance_sentence distance_table prediction_card prediction_table "
    "read_slide slide_card",
    "interpretation.segmentation": "mask_sets segmentation_examples segmentation_scores segmentation_table",
    "output": "answer banner cohort_words figure say show_markdown table",
    "results.audit": "accuracy_between audit_sentence audit_summary catch_rates checklist findings five_runs "
    "possible_values rate_dots stated_and_needed",
    "results.baselines": "chance_table paired_tests ranked_dots ranked_sentence ranking table11_again",
    "results.comparison": "fall_lines fall_sentence falls published_accuracies wide with_published",
    "results.critical_difference": "can_differ critical_difference rank_sentence",
    "results.generalisation": "cell_path generalisation_steps threshold_curve",
    "results.protocols": "by_test_set family_sentences protocol_sentence protocol_table protocols test_set_sentence",
    "results.summaries": "training_images_sentence percent_summary profiles_table settings_table tested",
    "results.verdicts": "claims_ledger ledger_sentence verdict_cells verdict_counts verdict_rows verdict_sentence",
    "training.ablation": "ablation_sentence ablation_table accuracy_dots approach_diagram approach_layers "
    "counts_table heads_table published_t_test times_table trained_table verdict",
    "training.curves": "accuracy_sentence confusion curve_sentence learning_curves threshold_view",
    "training.network": "network_diagram transfer_diagram",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
