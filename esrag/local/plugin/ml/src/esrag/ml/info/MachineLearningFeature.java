package esrag.ml.info;

import esrag.ml.MlServices;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xpack.core.XPackField;
import org.elasticsearch.xpack.core.action.XPackInfoFeatureAction;
import org.elasticsearch.xpack.core.action.XPackInfoFeatureTransportAction;

/** What {@code GET _xpack} says of machine learning: here, and available as the licence allows. */
public final class MachineLearningFeature extends XPackInfoFeatureTransportAction {
  private final MlServices services;

  @Inject
  public MachineLearningFeature(
      TransportService transport, ActionFilters filters, MlServices services) {
    super(XPackInfoFeatureAction.MACHINE_LEARNING.name(), transport, filters);
    this.services = services;
  }

  @Override
  protected String name() {
    return XPackField.MACHINE_LEARNING;
  }

  @Override
  protected boolean available() {
    return services.licences().machineLearningAllowed();
  }

  @Override
  protected boolean enabled() {
    return true;
  }
}
