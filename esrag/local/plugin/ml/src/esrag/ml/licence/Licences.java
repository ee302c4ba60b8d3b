package esrag.ml.licence;

import org.elasticsearch.ElasticsearchSecurityException;
import org.elasticsearch.license.License;
import org.elasticsearch.license.LicenseUtils;
import org.elasticsearch.license.LicensedFeature;
import org.elasticsearch.license.XPackLicenseState;
import org.elasticsearch.xpack.core.XPackField;
import org.elasticsearch.xpack.core.XPackPlugin;
import org.elasticsearch.xpack.core.ml.MachineLearningField;

/**
 * Asks the cluster's licence whether a feature may be used, and makes the server's own refusal.
 *
 * <p>Machine learning is x-pack-core's own feature object. The inference feature is declared in a
 * module that this distribution leaves out; it is declared here at the same level.
 */
public final class Licences {
  private static final LicensedFeature.Momentary INFERENCE =
      LicensedFeature.momentary(XPackField.INFERENCE, "api", License.OperationMode.ENTERPRISE);

  /** Which feature an action needs. */
  public enum Need {
    /** None: reading and cleaning up stay possible after a licence has ended. */
    NOTHING,
    MACHINE_LEARNING,
    INFERENCE
  }

  /** Throws the 403 for this need unless the licence allows it. */
  public void require(Need need) {
    ElasticsearchSecurityException refusal = refusal(need);
    if (refusal != null) {
      throw refusal;
    }
  }

  /** The 403 for this need, or null when the licence allows it. */
  public ElasticsearchSecurityException refusal(Need need) {
    return switch (need) {
      case NOTHING -> null;
      case MACHINE_LEARNING ->
          MachineLearningField.ML_API_FEATURE.check(state())
              ? null
              : LicenseUtils.newComplianceException(XPackField.MACHINE_LEARNING);
      case INFERENCE ->
          Tier.refusesEnterprise() == false && INFERENCE.check(state())
              ? null
              : LicenseUtils.newComplianceException(XPackField.INFERENCE);
    };
  }

  /** Whether machine learning is allowed, without marking it as used. */
  public boolean machineLearningAllowed() {
    return MachineLearningField.ML_API_FEATURE.checkWithoutTracking(state());
  }

  private static XPackLicenseState state() {
    return XPackPlugin.getSharedLicenseState();
  }
}
